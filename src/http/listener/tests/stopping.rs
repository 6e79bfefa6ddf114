//! The drain and the hard stop.

use super::*;

async fn waiting_request(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    server.gate.entered.notified().await;
    stream
}

#[tokio::test]
async fn a_drain_finishes_what_was_begun_and_closes_what_rests() {
    let server = Server::patient().await;
    let mut busy = waiting_request(&server).await;
    let mut resting = server.connect().await;
    resting.write_all(GET.as_bytes()).await.unwrap();
    read_reply(&mut resting).await;
    let mut fresh = server.connect().await;

    server.stop.drain();
    server.tasks.close();
    assert_eq!(read_to_end(&mut resting).await, "");
    assert_eq!(read_to_end(&mut fresh).await, "");
    assert!(!server.tasks.is_empty());
    server.gate.opened.notify_one();
    let reply = read_to_end(&mut busy).await;
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("done"), "{reply}");
    server.tasks.wait().await;
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_drain_finishes_streams_of_the_second_version_too() {
    let server = Server::patient().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let request = client.get(format!("http://{}/wait", server.address)).send();
    let drain = async {
        server.gate.entered.notified().await;
        server.stop.drain();
        server.tasks.close();
        server.gate.opened.notify_one();
    };
    let (reply, ()) = tokio::join!(request, drain);
    assert_eq!(reply.unwrap().text().await.unwrap(), "done");
    server.tasks.wait().await;
}

#[tokio::test]
async fn a_hard_stop_drops_what_was_begun() {
    let server = Server::patient().await;
    let mut busy = waiting_request(&server).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let stream = client.get(format!("http://{}/wait", server.address)).send();
    let stop = async {
        server.gate.entered.notified().await;
        server.stop.abort();
        server.tasks.close();
    };
    let (reply, ()) = tokio::join!(stream, stop);
    assert!(reply.is_err());
    assert_eq!(read_to_end(&mut busy).await, "");
    server.tasks.wait().await;
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_a_drain() {
    let files = encrypted::Files::new();
    let server = Server::start(Duration::from_secs(30), 1_000, Some(files.acceptor())).await;
    let mut stream = server.connect().await;
    // The server's task for this connection exists once another one, accepted later, was answered.
    assert_eq!(files.client(&[]).get(server.url("/")).send().await.unwrap().text().await.unwrap(), "hello");
    server.stop.drain();
    server.tasks.close();
    server.tasks.wait().await;
    assert_eq!(read_to_end(&mut stream).await, "");
}
