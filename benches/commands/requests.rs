//! Requests over plain connections.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::measure::{Found, summary};

/// Requests one after the other on each connection, for a time.
pub(crate) async fn requests(
    address: &str,
    connections: usize,
    time: Duration,
    request: impl Fn(usize) -> Vec<u8>,
) -> Found {
    let started = Instant::now();
    let mut clients = Vec::new();
    for client in 0..connections {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.get_ref().set_nodelay(true).unwrap();
        let mut ahead = (0..).map(|_| request(client)).take(50_000 / connections.max(10)).collect::<Vec<_>>();
        clients.push(tokio::spawn(async move {
            let mut times = Vec::new();
            let started = Instant::now();
            while let Some(request) = ahead.pop().filter(|_| started.elapsed() < time) {
                let asked = Instant::now();
                stream.get_mut().write_all(&request).await.unwrap();
                answer(&mut stream).await;
                times.push(asked.elapsed());
            }
            (times, started.elapsed())
        }));
    }
    let _ = started;
    let mut times = Vec::new();
    let mut took = Duration::ZERO;
    for client in clients {
        let (of_client, needed) = client.await.unwrap();
        times.extend(of_client);
        took = took.max(needed);
    }
    summary(times, took)
}

/// Reads one answer, which must be a success.
pub(crate) async fn answer(stream: &mut BufReader<TcpStream>) {
    let mut line = String::new();
    let mut length = 0;
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 20"), "{line}");
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
}
