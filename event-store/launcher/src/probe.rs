//! Whether several servers place a stream on all of them, tried out.
//!
//! They may know each other and have a leader, and still refuse: who has room for a stream is heard later, and told
//! nowhere. So one is made and taken away again, in a few lines of the protocol.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const NAME: &str = "LAUNCHER_PROBE";
/// Nobody may answer while there is no leader; it is tried again then.
const TO_ANSWER: Duration = Duration::from_secs(2);

/// Whether a stream on so many servers is made and taken away, by the one whose clients connect at `port`.
pub(crate) async fn places_streams(port: u16, replicas: usize) -> bool {
    let config = format!(
        "{{\"name\":\"{NAME}\",\"subjects\":[\"launcher.probe\"],\"storage\":\"memory\",\"num_replicas\":{replicas}}}"
    );
    let made = said_yes(port, "CREATE", &config).await;
    // Also when nobody said that it was made: it may be all the same.
    let gone = said_yes(port, "DELETE", "").await;
    made && gone
}

async fn said_yes(port: u16, verb: &str, body: &str) -> bool {
    let subject = format!("$JS.API.STREAM.{verb}.{NAME}");
    let answer = timeout(TO_ANSWER, request(port, &subject, body)).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| !answer.contains("\"error\"")))
}

async fn request(port: u16, subject: &str, body: &str) -> io::Result<String> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    // Its own, so that no late answer to another question is taken for this one's.
    let answer = format!("answer.{}", server.local_addr()?.port());
    let ask = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB {answer} 1\r\nPUB {subject} {answer} {}\r\n{body}\r\n",
        body.len()
    );
    server.write_all(ask.as_bytes()).await?;
    let mut lines = BufReader::new(server);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with("MSG") {
            let size = line.split_whitespace().next_back().and_then(|size| size.parse().ok());
            let mut answer = vec![0; size.unwrap_or_default()];
            lines.read_exact(&mut answer).await?;
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}
