//! Somebody who listens, as the standard says that one must (WHATWG HTML, 9.2).

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::time::timeout;

/// More than anything takes that comes at all: a comment comes every 15 s.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// One who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) answer: Response,
    text: Vec<u8>,
    /// What it would send as `Last-Event-ID`.
    pub(crate) last_id: Option<u64>,
}

/// What lies between two empty lines.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) id: Option<u64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) comment: Option<String>,
}

impl Listener {
    /// Listens to `/events?QUERY`, once it has begun.
    pub(crate) async fn to(http: &str, query: &str) -> Self {
        Self::with(http, query, &[]).await
    }

    /// With these headers.
    pub(crate) async fn with(http: &str, query: &str, headers: &[(&str, &str)]) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        let mut request = client.get(format!("{http}/events?{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{query}");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut listener = Self { answer, text: Vec::new(), last_id: None };
        let opening = listener.block().await.unwrap();
        assert!(opening.id.is_some() || opening.comment.is_some(), "{opening:?}");
        listener
    }

    /// Goes on behind the last position.
    pub(crate) async fn again(http: &str, query: &str, last: u64) -> Self {
        Self::with(http, query, &[("last-event-id", &last.to_string())]).await
    }

    /// The next block; `None` when the stream has ended.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.text.drain(..end + 2).collect();
                let block = Block::parse(std::str::from_utf8(&text).unwrap());
                self.last_id = block.id.or(self.last_id);
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("nothing comes after {:?}", self.last_id));
            self.text.extend_from_slice(&chunk.ok()??);
        }
    }

    /// The next event; `None` when the stream has ended.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            if let Some(data) = block.data {
                if block.event.as_deref() != Some("too-slow") {
                    assert_eq!(block.id, data["position"].as_u64(), "{data}");
                    assert_eq!(block.event.as_deref(), data["type"].as_str(), "{data}");
                }
                return Some(data);
            }
        }
    }

    /// The positions of the events up to one.
    pub(crate) async fn positions_to(&mut self, last: u64) -> Vec<u64> {
        let mut positions = Vec::new();
        while positions.last().is_none_or(|position| *position < last) {
            let event = self.event().await.unwrap_or_else(|| panic!("it ended after {positions:?}"));
            positions.push(event["position"].as_u64().unwrap());
        }
        positions
    }

    /// The first comment with these words.
    pub(crate) async fn comment(&mut self, words: &str) -> String {
        loop {
            let block = self.block().await.unwrap_or_else(|| panic!("it ended without {words:?}"));
            if let Some(comment) = block.comment.filter(|comment| comment.contains(words)) {
                return comment;
            }
        }
    }
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "" => block.comment = Some(value.to_owned()),
                "id" => block.id = Some(value.parse().unwrap()),
                "event" => block.event = Some(value.to_owned()),
                "data" => block.data = Some(serde_json::from_str(value).unwrap()),
                "retry" => assert!(value.parse::<u64>().is_ok()),
                other => panic!("unknown field {other}"),
            }
        }
        block
    }
}
