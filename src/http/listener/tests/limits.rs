//! Time limits and the limit of connections.

use super::*;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_header_that_never_ends_closes_the_connection() {
    let server = Server::start(SHORT, 1_000, None).await;
    for bytes in ["", "G", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhost: here\r\n"] {
        let reply = server.exchange(bytes).await;
        assert!(!reply.contains("hello"), "{bytes:?} {reply:?}");
    }
}

#[tokio::test]
async fn a_header_that_trickles_gets_no_more_time_than_one_that_stops() {
    let server = Server::start(SHORT, 1_000, None).await;
    let (mut reader, mut writer) = server.connect().await.into_split();
    let trickle = async {
        let _ = writer.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let _ = writer.write_all(b"x").await;
        }
    };
    let mut bytes = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = reader.read_to_end(&mut bytes) => {}
    }
    assert_eq!(bytes, b"");
}

#[tokio::test]
async fn the_header_of_a_later_request_has_its_limit_too() {
    let server = Server::start(SHORT, 1_000, None).await;
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_reply(&mut stream).await.ends_with("hello"));
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_request_that_takes_longer_than_a_header_may_is_answered() {
    let server = Server::start(SHORT, 1_000, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    // The other connection's limit runs out after this one's would have.
    server.gate.entered.notified().await;
    server.exchange("").await;
    server.gate.opened.notify_one();
    assert!(read_reply(&mut stream).await.ends_with("done"));
}

#[tokio::test]
async fn headers_beyond_all_measure_are_refused() {
    let server = Server::patient().await;
    let many = "x: 1\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(40_000));
    for headers in [many, long] {
        let reply = server.exchange(&format!("GET / HTTP/1.1\r\nhost: here\r\n{headers}\r\n")).await;
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 431"), "{reply}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_to_come_again() {
    let server = Server::start(Duration::from_secs(30), 1, None).await;
    let mut first = server.connect().await;
    first.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_reply(&mut first).await.starts_with("HTTP/1.1 200"));
    let reply = server.exchange("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 3\r\n\r\nabc").await;
    assert!(reply.starts_with("HTTP/1.1 503"), "{reply}");
    for header in ["retry-after: 1\r\n", "connection: close\r\n", "content-type: application/json\r\n"] {
        assert!(reply.contains(header), "{header} in {reply}");
    }
    assert!(reply.contains(r#""code":"too_many_connections""#), "{reply}");
    // The one that is served stays so.
    first.write_all(LAST_GET.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut first).await.starts_with("HTTP/1.1 200"));
    // Its slot is free again, at the latest some turns later.
    while !server.exchange(LAST_GET).await.starts_with("HTTP/1.1 200") {}
}

#[tokio::test]
async fn a_limit_that_changes_counts_from_the_next_connection_on() {
    let server = Server::start(Duration::from_secs(30), 0, None).await;
    assert!(server.exchange(LAST_GET).await.starts_with("HTTP/1.1 503"));
    server.max_connections.store(1, Ordering::SeqCst);
    assert!(server.exchange(LAST_GET).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn beyond_the_overflow_connections_are_closed_without_a_word() {
    let server = Server::start(Duration::from_secs(30), 0, None).await;
    let mut waiting = Vec::new();
    for _ in 0..OVERFLOW_SLOTS {
        waiting.push(server.connect().await);
    }
    assert_eq!(read_to_end(&mut server.connect().await).await, "");
    let mut one = waiting.pop().unwrap();
    one.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut one).await.starts_with("HTTP/1.1 503"));
}

#[test]
fn slots_are_free_again_when_dropped() {
    let slots = Slots::default();
    let first = slots.take(2);
    let second = slots.take(2);
    assert!(second.is_some() && slots.take(2).is_none() && slots.take(1).is_none());
    drop(first);
    assert!(slots.take(2).is_some());
}
