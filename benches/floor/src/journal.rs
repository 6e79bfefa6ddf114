//! A floor for what is kept: each body is appended to a file, and answered once a sync has covered it. One thread writes
//! what has queued and syncs once for all of it.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::{Router, routing};
use tokio::sync::oneshot;

#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<(Bytes, oneshot::Sender<()>)>>,
    arrived: Condvar,
}

/// A server that keeps what is posted to it; each sync takes `delay` longer.
pub fn router(path: &str, delay: Duration) -> std::io::Result<Router> {
    let file = File::options().create(true).append(true).open(path)?;
    let queue = Arc::new(Queue::default());
    let own = queue.clone();
    std::thread::Builder::new().name("journal".to_owned()).spawn(move || write(&own, file, delay))?;
    Ok(Router::new().fallback(routing::post(move |body: Bytes| keep(queue.clone(), body))))
}

async fn keep(queue: Arc<Queue>, body: Bytes) -> StatusCode {
    let (sender, receiver) = oneshot::channel();
    let first = {
        let mut waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((body, sender));
        waiting.len() == 1
    };
    if first {
        queue.arrived.notify_one();
    }
    match receiver.await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn write(queue: &Queue, mut file: File, delay: Duration) {
    let mut bytes = Vec::new();
    loop {
        let batch = {
            let mut waiting = queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            while waiting.is_empty() {
                waiting = queue.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::take(&mut *waiting)
        };
        bytes.clear();
        for (body, _) in &batch {
            bytes.extend_from_slice(body);
            bytes.push(b'\n');
        }
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            // Whoever waits sees that nobody answers.
            continue;
        }
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        for (_, answer) in batch {
            let _ = answer.send(());
        }
    }
}
