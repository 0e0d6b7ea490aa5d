//! Who orders, and waits for the outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::measure::{Found, summary};
use crate::shop::post;

/// So many users, and so many articles: an order is by one of the former, for two of the latter.
const USERS: usize = 200;
const ARTICLES: usize = 200;
/// The streams of what a checkout writes.
const STREAMS: [&str; 3] = ["EVENTS", "COMMANDS", "DEADLINES"];

/// Users with much credit, articles with much stock.
pub(crate) struct Shoppers {
    address: String,
    context: jetstream::Context,
    users: Arc<Vec<Uuid>>,
    next: Arc<AtomicUsize>,
}

impl Shoppers {
    pub(crate) async fn prepare(address: &str, nats: &str) -> Self {
        let context = jetstream::new(async_nats::connect(nats).await.unwrap());
        let users: Vec<_> = (0..USERS).map(|_| Uuid::now_v7()).collect();
        let mut line = Line::open(address).await;
        for user in &users {
            let body = json!({"id": user, "name": "Ann", "email": format!("{user}@example.com"), "credit_limit": 1_000_000_000_000_u64});
            line.ask(&post("/users", &body)).await;
        }
        for article in 0..ARTICLES {
            line.ask(&post(&format!("/stock/a{article}/receipts"), &json!({"quantity": 1_000_000}))).await;
        }
        Self { address: address.to_owned(), context, users: Arc::new(users), next: Arc::default() }
    }

    /// Clients side by side, each with one order after the other.
    pub(crate) async fn check_out(&self, clients: usize, time: Duration) -> Found {
        let started = Instant::now();
        let mut running = Vec::new();
        for _ in 0..clients {
            let mut line = Line::open(&self.address).await;
            let (users, next) = (Arc::clone(&self.users), Arc::clone(&self.next));
            running.push(tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let lines = [number * 7 % ARTICLES, (number * 11 + 1) % ARTICLES].map(
                        |article| json!({"sku": format!("a{article}"), "quantity": 1, "unit_price": 255}),
                    );
                    let id = Uuid::now_v7();
                    let body = json!({"id": id, "user_id": users[number % USERS], "lines": lines});
                    let asked = Instant::now();
                    line.ask(&post("/orders", &body)).await;
                    let order = line.ask(&get(&format!("/orders/{id}"))).await;
                    times.push(asked.elapsed());
                    assert_eq!(order["status"], "confirmed", "{order}");
                }
                times
            }));
        }
        let mut times = Vec::new();
        for client in running {
            times.extend(client.await.unwrap());
        }
        summary(times, started.elapsed())
    }

    /// How many messages were stored so far.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) async fn written(&self) -> f64 {
        let mut written = 0;
        for name in STREAMS {
            written += self.context.get_stream(name).await.unwrap().cached_info().state.last_sequence;
        }
        written as f64
    }
}

/// Waits until the order is no longer `placed`.
fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: shop\r\nprefer: wait=20\r\n\r\n").into_bytes()
}

/// A connection.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// The body of the answer, which must be a success.
    async fn ask(&mut self, request: &[u8]) -> Value {
        self.0.get_mut().write_all(request).await.unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 20"), "{line}");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).await.unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}
