//! Whether the server still writes, by its own word.
//!
//! After a write error, such as a full disk, it takes no message until it is started again. Publishers hear
//! nothing or a refusal that says something else; its monitoring endpoint alone tells (`docs/decisions/0008`).

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A healthy server answers in well under a millisecond.
const TO_ANSWER: Duration = Duration::from_secs(2);
/// Two of the largest block files: with less a server that starts could hardly finish what an earlier one began.
const ROOM: u64 = 16 << 20;

#[derive(Debug, Default, Deserialize)]
struct Health {
    #[serde(default)]
    errors: Vec<Unhealthy>,
}

#[derive(Debug, Deserialize)]
struct Unhealthy {
    #[serde(rename = "type")]
    kind: String,
}

/// Whether the server says that a stream of it is broken. One that does not answer says nothing.
pub(crate) async fn refuses_writes(monitoring_url: &str) -> bool {
    let Some(address) = monitoring_url.strip_prefix("http://") else { return false };
    let answer = timeout(TO_ANSWER, ask(address)).await;
    let Ok(Ok(answer)) = answer else { return false };
    let Some((_, body)) = answer.split_once("\r\n\r\n") else { return false };
    let health: Health = serde_json::from_str(body).unwrap_or_default();
    health.errors.iter().any(|error| error.kind == "STREAM")
}

async fn ask(address: &str) -> io::Result<String> {
    let mut server = TcpStream::connect(address).await?;
    // HTTP/1.0: it says all at once, and hangs up.
    server.write_all(b"GET /healthz?details=true HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Whether the folder's file system has room to write. One that does not tell is given the benefit of the doubt.
pub(crate) fn has_room(folder: &Path) -> bool {
    !rustix::fs::statvfs(folder).is_ok_and(|now| now.f_bavail.saturating_mul(now.f_frsize) < ROOM)
}
