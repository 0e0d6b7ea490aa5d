//! A caller who writes his own bytes.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Answer, Api, PATIENCE};

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub(crate) async fn to(api: &Api) -> Self {
        let address = api.program.http().strip_prefix("http://").unwrap();
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// Sends bytes; a peer that has heard enough may have closed.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends a request with a body whose length it says.
    pub(crate) async fn request(&mut self, line: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat()).await;
    }

    /// The next answer to a request that wants its body; `None` when the connection ends instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer()).await.expect("no answer")
    }

    /// Whether the server lets the connection go, whatever it says before.
    pub(crate) async fn closes(&mut self) -> bool {
        let to_the_end = async { while self.more().await {} };
        timeout(PATIENCE, to_the_end).await.is_ok()
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.read.drain(..end + 4).collect::<Vec<_>>();
            }
            if !self.more().await {
                return None;
            }
        };
        let mut lines = std::str::from_utf8(&head).unwrap().split("\r\n").filter(|line| !line.is_empty());
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: HeaderMap = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.trim().parse().unwrap()))
            .collect::<HeaderMap<HeaderValue>>();
        let said = headers.get("content-length").map(|value| value.to_str().unwrap().parse().unwrap());
        let length = said.unwrap_or(0);
        while self.read.len() < length {
            assert!(self.more().await, "the answer breaks off: {status} {headers:?}");
        }
        Some(Answer { status, headers, body: self.read.drain(..length).collect() })
    }

    async fn more(&mut self) -> bool {
        self.read.reserve(16 * 1024);
        // A reset is an end too.
        self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0)
    }
}
