//! Lines on their way to standard error: gathered in memory, written by a thread of their own, many at once.
//!
//! Whoever logs waits for no disk and no terminal, and wakes the thread only where it rests. Where it falls behind, lines are
//! dropped and counted rather than held without end.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::Form;

/// How much may wait to be written, in bytes.
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// The least time between two writes: each is a system call, and wakes whoever reads.
const PAUSE: Duration = Duration::from_millis(2);

/// Takes lines. Clones share what waits.
#[derive(Clone)]
pub(super) struct Gatherer(Arc<Shared>);

/// Keeps the thread running; when dropped, what waits is written.
pub(super) struct Guard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    there_is: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    ended: bool,
}

/// Starts the thread that writes to `out`. That lines were dropped is said in this form, as the lines are.
pub(super) fn start(out: impl Write + Send + 'static, form: Form) -> io::Result<(Gatherer, Guard)> {
    let shared = Arc::new(Shared::default());
    let theirs = shared.clone();
    let thread = std::thread::Builder::new().name("log".into()).spawn(move || theirs.write_all(out, form))?;
    Ok((Gatherer(shared.clone()), Guard { shared, thread: Some(thread) }))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut out: impl Write, form: Form) {
        let mut batch = Vec::new();
        let mut waiting = self.lock();
        loop {
            while waiting.lines.is_empty() && waiting.dropped == 0 && !waiting.ended {
                waiting = self.there_is.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.lines.is_empty() && waiting.dropped == 0 {
                return;
            }
            std::mem::swap(&mut batch, &mut waiting.lines);
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            // Nobody could be told that the log itself cannot be written.
            let _ = out.write_all(&batch);
            if dropped > 0 {
                let _ = out.write_all(told(dropped, form).as_bytes());
            }
            let _ = out.flush();
            batch.clear();
            batch.shrink_to(WAITING_BYTES / 64);
            waiting = self.lock();
            if !waiting.ended {
                waiting = self.pause(waiting);
            }
        }
    }

    /// Lets lines gather. Nobody wakes it but the end, for it rests only where nothing waits.
    fn pause<'a>(&'a self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        let rested = self.there_is.wait_timeout_while(waiting, PAUSE, |waiting| !waiting.ended);
        rested.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The line that says how many are not there.
fn told(dropped: u64, form: Form) -> String {
    let mut now = String::new();
    // A time that cannot be told is left out.
    let _ = SystemTime.format_time(&mut fmt::format::Writer::new(&mut now));
    match form {
        Form::Text => format!("{now}  WARN lines of the log were dropped lines={dropped}\n"),
        Form::Json => format!(
            "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"message\":\"lines of the log were dropped\",\
             \"lines\":{dropped},\"target\":\"{}\"}}\n",
            module_path!()
        ),
    }
}

impl Write for Gatherer {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.lines.len() + line.len() > WAITING_BYTES {
            waiting.dropped += 1;
            return Ok(line.len());
        }
        let rested = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        if rested {
            self.0.there_is.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Gatherer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.there_is.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what is written only when it is told to, as a terminal that was stopped.
    struct Slow(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_slow_holds_up_nobody_and_is_told_what_it_missed() {
        for form in [Form::Text, Form::Json] {
            let (go, gate) = std::sync::mpsc::channel();
            let (out, written) = std::sync::mpsc::channel();
            let (mut gatherer, guard) = start(Slow(gate, out), form).expect("a thread");
            let mut line = vec![b'x'; 1023];
            line.push(b'\n');
            for _ in 0..3 * WAITING_BYTES / line.len() {
                gatherer.write_all(&line).expect("it never fails");
            }
            drop(go);
            drop(guard);
            let all: Vec<u8> = written.iter().flatten().collect();
            assert!(all.len() <= 2 * WAITING_BYTES + 4096, "{}", all.len());
            let all = String::from_utf8(all).expect("UTF-8");
            let told = all.lines().find(|line| line.contains("were dropped")).expect("it is told");
            let json = serde_json::from_str::<serde_json::Value>(told);
            match form {
                Form::Text => {
                    assert!(told.contains("Z  WARN lines of the log were dropped lines=") && json.is_err(), "{told}");
                }
                Form::Json => {
                    let json = json.expect("JSON");
                    assert!(json["lines"].as_u64() > Some(0) && json["timestamp"].is_string(), "{told}");
                }
            }
        }
    }

    #[test]
    fn what_waits_at_the_end_is_written() {
        let (out, written) = std::sync::mpsc::channel();
        let (mut gatherer, guard) = start(Slow(std::sync::mpsc::channel().1, out), Form::Text).expect("a thread");
        for number in 0..100 {
            writeln!(gatherer, "{number}").expect("it never fails");
        }
        drop(guard);
        let all: Vec<u8> = written.iter().flatten().collect();
        assert!(all.ends_with(b"98\n99\n"), "{}", String::from_utf8_lossy(&all));
    }
}
