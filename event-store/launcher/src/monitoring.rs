//! What a server says of itself on its monitoring endpoint, over HTTP.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A server that is well answers in well under a millisecond.
const TO_ANSWER: Duration = Duration::from_secs(2);

/// What it answers under `path`, whatever the status; nothing when it does not, or not that.
pub(crate) async fn ask<T: DeserializeOwned>(monitoring_url: &str, path: &str) -> Option<T> {
    let address = monitoring_url.strip_prefix("http://")?;
    let answer = timeout(TO_ANSWER, get(address, path)).await.ok()?.ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

async fn get(address: &str, path: &str) -> io::Result<String> {
    let mut server = TcpStream::connect(address).await?;
    // HTTP/1.0: it says all at once, and hangs up.
    server.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    Ok(answer)
}
