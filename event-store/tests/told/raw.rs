//! The log as any NATS client sees it: a stream, headers, JSON.

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer::pull::OrderedConfig};
use futures_util::StreamExt as _;

/// One stored message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) sequence: u64,
    pub(crate) jar: String,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) version: u64,
    /// Its place among those of its append, and their number.
    pub(crate) part: (u64, u64),
    pub(crate) command: String,
    pub(crate) coins: Option<u64>,
}

/// Every message of the log, in order, from one of the servers whose URLs these are, separated by commas.
pub(crate) async fn read(urls: &str) -> Vec<Line> {
    let servers: Vec<&str> = urls.split(',').collect();
    let context = jetstream::new(async_nats::connect(servers).await.unwrap());
    let mut stream = context.get_stream("EVENTS").await.unwrap();
    let there = stream.info().await.unwrap().state.messages;
    let consumer = stream.create_consumer(OrderedConfig::default()).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let mut lines = Vec::new();
    while (lines.len() as u64) < there {
        let message = messages.next().await.unwrap().unwrap();
        let sequence = message.info().unwrap().stream_sequence;
        lines.push(line(sequence, &message.subject, message.headers.as_ref().unwrap(), &message.payload));
    }
    lines
}

fn line(sequence: u64, subject: &str, headers: &HeaderMap, body: &[u8]) -> Line {
    let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    let part = text("ce-part").map_or((1, 1), |part| {
        let (number, of) = part.split_once('/').unwrap();
        (number.parse().unwrap(), of.parse().unwrap())
    });
    Line {
        sequence,
        jar: subject.strip_prefix("events.jar.").unwrap_or(subject).to_owned(),
        id: text("ce-id").unwrap(),
        kind: text("ce-type").unwrap(),
        version: text("ce-entityversion").unwrap().parse().unwrap(),
        part,
        command: text("ce-causationid").unwrap(),
        coins: body["coins"].as_u64(),
    }
}
