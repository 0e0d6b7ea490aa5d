//! Who gives listeners something to hear.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A caller of the API.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    http: String,
    client: Client,
}

/// Receipts of many articles, until they are stopped.
#[derive(Debug)]
pub(crate) struct Flow {
    over: Arc<AtomicBool>,
    writers: Vec<JoinHandle<u64>>,
}

impl Shop {
    pub(crate) fn at(http: &str) -> Self {
        Self { http: http.to_owned(), client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.http))
    }

    /// Receives some of an article; the position of the event.
    pub(crate) async fn receive(&self, sku: &str) -> u64 {
        let request =
            self.client.post(format!("{}/stock/{sku}/receipts", self.http)).json(&json!({"quantity": 1}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["jetsource-position"].to_str().unwrap().parse().unwrap()
    }

    /// A new user, whose registration lies in two events.
    pub(crate) async fn user(&self) -> Value {
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        let request =
            self.client.post(format!("{}/users", self.http)).json(&json!({"name": "Ann", "email": email}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Receipts by several callers at once.
    pub(crate) fn flow(&self, writers: usize) -> Flow {
        let over = Arc::<AtomicBool>::default();
        let write = |writer: usize| {
            let (shop, over) = (self.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut last = 0;
                while !over.load(Ordering::Relaxed) {
                    last = shop.receive(&format!("flow-{writer}")).await;
                }
                last
            })
        };
        let writers = (0..writers).map(write).collect();
        Flow { over, writers }
    }
}

impl Flow {
    /// The last position that was stored.
    pub(crate) async fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let mut last = 0;
        for writer in self.writers {
            last = last.max(writer.await.unwrap());
        }
        last
    }
}

/// Another tool's log entries, written beside the program.
pub(crate) async fn log(nats: &str) -> Context {
    jetstream::new(async_nats::connect(nats).await.unwrap())
}

/// An event of another tool with a text of so many bytes; its position.
pub(crate) async fn note(log: &Context, bytes: usize) -> u64 {
    let mut headers = HeaderMap::new();
    headers.insert("ce-id", Uuid::now_v7().to_string());
    headers.insert("ce-type", "note-taken");
    let body = json!({"text": "x".repeat(bytes)}).to_string();
    let sent = log.publish_with_headers("append.note.n", headers, body.into()).await.unwrap();
    sent.await.unwrap().sequence
}
