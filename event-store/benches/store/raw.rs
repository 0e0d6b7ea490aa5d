//! JetStream itself: what a store can be measured against.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::header::{self, HeaderName};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use uuid::Uuid;

use crate::measure::{Found, writers};

/// The data of an event.
pub const DATA: usize = 250;

// Made once, as the cheapest way of the client to name a header.
const ID: HeaderName = HeaderName::from_static("ce-id");
const SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const TIME: HeaderName = HeaderName::from_static("ce-time");
const DATACONTENTTYPE: HeaderName = HeaderName::from_static("ce-datacontenttype");
const ENTITYVERSION: HeaderName = HeaderName::from_static("ce-entityversion");
const CAUSATIONID: HeaderName = HeaderName::from_static("ce-causationid");
const CORRELATIONID: HeaderName = HeaderName::from_static("ce-correlationid");

/// The headers of the log's envelope, and the expectation that the subject is new. Nothing is worked out for them:
/// there is one id, and the time is always the same.
fn envelope(id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_MESSAGE_ID, id);
    headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
    headers.insert(ID, id);
    headers.insert(SPECVERSION, "1.0");
    headers.insert(SOURCE, "/jetsource");
    headers.insert(TYPE, "note-taken");
    headers.insert(SUBJECT, format!("pad/{id}"));
    headers.insert(TIME, "2026-11-25T12:00:00.123456789Z");
    headers.insert(DATACONTENTTYPE, "application/json");
    headers.insert(ENTITYVERSION, "1");
    headers.insert(CAUSATIONID, id);
    headers.insert(CORRELATIONID, id);
    headers
}

/// A stream of raw messages.
#[derive(Clone)]
pub struct Raw {
    client: Client,
    context: jetstream::Context,
    /// The first token of what is published.
    prefix: &'static str,
}

impl Raw {
    /// Without any of the log's own settings but atomic batches.
    pub async fn plain(urls: &str, replicas: usize) -> Self {
        let config = stream::Config { name: "PLAIN".into(), ..Self::config("plain", replicas) };
        Self::on(urls, config, "plain").await
    }

    /// Stored under another subject, and published again from there, as the log is.
    pub async fn as_the_log(urls: &str, replicas: usize) -> Self {
        Self::stored_elsewhere(urls, replicas, "raw", "stored").await
    }

    /// One of several such, 0 to 3.
    pub async fn partition(urls: &str, replicas: usize, number: usize) -> Self {
        let names =
            [("raw-0", "stored-0"), ("raw-1", "stored-1"), ("raw-2", "stored-2"), ("raw-3", "stored-3")];
        let (prefix, stored) = names[number];
        Self::stored_elsewhere(urls, replicas, prefix, stored).await
    }

    async fn stored_elsewhere(urls: &str, replicas: usize, prefix: &'static str, stored: &str) -> Self {
        let (source, destination) = (format!("{prefix}.>"), format!("{stored}.>"));
        let config = stream::Config {
            name: prefix.to_uppercase(),
            subject_transform: Some(stream::SubjectTransform { source, destination: destination.clone() }),
            republish: Some(stream::Republish {
                source: destination.clone(),
                destination,
                headers_only: false,
            }),
            ..Self::config(prefix, replicas)
        };
        Self::on(urls, config, prefix).await
    }

    fn config(prefix: &str, replicas: usize) -> stream::Config {
        stream::Config {
            subjects: vec![format!("{prefix}.>")],
            allow_atomic_publish: true,
            allow_direct: true,
            num_replicas: replicas,
            ..Default::default()
        }
    }

    async fn on(urls: &str, config: stream::Config, prefix: &'static str) -> Self {
        let servers: Vec<_> =
            urls.split(',').map(|url| url.parse::<async_nats::ServerAddr>().unwrap()).collect();
        let client = async_nats::connect(servers).await.unwrap();
        let context = jetstream::new(client.clone());
        context.create_stream(config).await.unwrap();
        Self { client, context, prefix }
    }

    /// Single publishes, each with the expectation that its subject is new.
    pub async fn singles(&self, count: usize, time: Duration) -> Found {
        let (context, prefix) = (self.context.clone(), self.prefix);
        let data = Bytes::from("x".repeat(DATA));
        writers(count, time, move || {
            let (context, data) = (context.clone(), data.clone());
            async move {
                let id = Uuid::now_v7().to_string();
                let subject = format!("{prefix}.pad.{id}");
                let published = context.publish_with_headers(subject, envelope(&id), data).await;
                published.unwrap().await.unwrap();
            }
        })
        .await
    }

    /// One loop that fills atomic batches of this size, one after the other. The rate is that of messages.
    pub async fn batches(&self, size: usize, time: Duration) -> Found {
        let (client, prefix) = (self.client.clone(), self.prefix);
        let data = Bytes::from("x".repeat(DATA));
        let done = std::sync::Arc::new(AtomicU64::new(0));
        let counted = done.clone();
        let mut found = writers(1, time, move || {
            let (client, data) = (client.clone(), data.clone());
            let done = counted.clone();
            async move {
                let batch = Uuid::now_v7().to_string();
                for number in 1..=size {
                    let id = Uuid::now_v7().to_string();
                    let mut headers = envelope(&id);
                    headers.insert(header::NATS_BATCH_ID, batch.as_str());
                    headers.insert(header::NATS_BATCH_SEQUENCE, number.to_string());
                    let subject = format!("{prefix}.pad.{id}");
                    if number < size {
                        client.publish_with_headers(subject, headers, data.clone()).await.unwrap();
                        continue;
                    }
                    headers.insert(header::NATS_BATCH_COMMIT, "1");
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
