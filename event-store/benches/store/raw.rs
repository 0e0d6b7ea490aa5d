//! JetStream itself, on a plain stream of its own: what a store can be measured against.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use uuid::Uuid;

use crate::measure::{Found, writers};

/// What a message of the store weighs beside its data: its subject aside, about as much as its headers.
const HEADERS: usize = 380;
/// The data of an event.
pub const DATA: usize = 250;

/// A stream without any of the store's own settings but atomic batches.
#[derive(Clone)]
pub struct Raw {
    client: Client,
    context: jetstream::Context,
}

impl Raw {
    pub async fn on(urls: &str, replicas: usize) -> Self {
        let servers: Vec<_> =
            urls.split(',').map(|url| url.parse::<async_nats::ServerAddr>().unwrap()).collect();
        let client = async_nats::connect(servers).await.unwrap();
        let context = jetstream::new(client.clone());
        let config = stream::Config {
            name: "RAW".into(),
            subjects: vec!["raw.>".into()],
            allow_atomic_publish: true,
            allow_direct: true,
            num_replicas: replicas,
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
        Self { client, context }
    }

    /// Single publishes, each with the expectation that its subject is new.
    pub async fn singles(&self, count: usize, time: Duration) -> Found {
        let context = self.context.clone();
        let data = Bytes::from("x".repeat(DATA));
        let attributes = "x".repeat(HEADERS);
        writers(count, time, move || {
            let (context, data, attributes) = (context.clone(), data.clone(), attributes.clone());
            async move {
                let id = Uuid::now_v7().to_string();
                let message = PublishMessage::build()
                    .message_id(&id)
                    .expected_last_subject_sequence(0)
                    .header("ce-attributes", attributes.as_str())
                    .payload(data);
                context.send_publish(format!("raw.order.{id}"), message).await.unwrap().await.unwrap();
            }
        })
        .await
    }

    /// One loop that fills atomic batches of this size, one after the other. The rate is that of messages.
    pub async fn batches(&self, size: usize, time: Duration) -> Found {
        let client = self.client.clone();
        let data = Bytes::from("x".repeat(DATA));
        let attributes = "x".repeat(HEADERS);
        let done = std::sync::Arc::new(AtomicU64::new(0));
        let counted = done.clone();
        let mut found = writers(1, time, move || {
            let (client, data, attributes) = (client.clone(), data.clone(), attributes.clone());
            let done = counted.clone();
            async move {
                let batch = Uuid::now_v7().to_string();
                for number in 1..=size {
                    let id = Uuid::now_v7().to_string();
                    let mut headers = HeaderMap::new();
                    headers.insert("Nats-Msg-Id", id.as_str());
                    headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
                    headers.insert("ce-attributes", attributes.as_str());
                    headers.insert("Nats-Batch-Id", batch.as_str());
                    headers.insert("Nats-Batch-Sequence", number.to_string());
                    let subject = format!("raw.order.{id}");
                    if number < size {
                        client.publish_with_headers(subject, headers, data.clone()).await.unwrap();
                        continue;
                    }
                    headers.insert("Nats-Batch-Commit", "1");
                    let request = Request::new().headers(headers).payload(data.clone());
                    let answer = client.send_request(subject, request).await.unwrap();
                    let said = String::from_utf8_lossy(&answer.payload).into_owned();
                    assert!(!said.contains("\"error\""), "{said}");
                }
                done.fetch_add(size as u64, Ordering::Relaxed);
            }
        })
        .await;
        #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
        let events = done.load(Ordering::Relaxed) as f64;
        found.rate = events / time.as_secs_f64();
        found
    }
}
