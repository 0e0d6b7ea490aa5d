//! Asks as any plain client would.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TO_ANSWER: Duration = Duration::from_secs(2);

/// The JSON of the first answer.
pub(crate) fn ask(port: u16, subject: &str, body: &str) -> serde_json::Value {
    try_ask(port, subject, body).unwrap()
}

/// The JSON of the first answer, if there is one in time.
pub(crate) fn try_ask(port: u16, subject: &str, body: &str) -> io::Result<serde_json::Value> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(TO_ANSWER))?;
    // Its own: a server that starts again answers once more what it had answered before.
    let answers = format!("answers.{}", connection.local_addr()?.port());
    let ask = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB {answers} 1\r\nPUB {subject} {answers} {}\r\n{body}\r\n",
        body.len()
    );
    connection.write_all(ask.as_bytes())?;
    let mut lines = BufReader::new(connection);
    let mut line = String::new();
    while !line.starts_with("MSG") {
        line.clear();
        assert_ne!(lines.read_line(&mut line)?, 0, "the server hung up");
    }
    let size = line.split_whitespace().next_back().unwrap().parse().unwrap();
    let mut answer = vec![0; size];
    lines.read_exact(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// How the server is set up, by its own word.
pub(crate) fn jetstream_settings(port: u16) -> serde_json::Value {
    ask(port, "$SYS.REQ.SERVER.PING.JSZ", r#"{"config":true}"#)
}
