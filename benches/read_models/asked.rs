//! Requests that are due at a steady rate, whether or not the last one was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In `Jetsource-Position`.
    pub(crate) position: u64,
    pub(crate) body: Vec<u8>,
}

/// One connection, on which one request follows the other.
pub(crate) struct Caller(BufReader<TcpStream>);

impl Caller {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Answer {
        self.0.get_mut().write_all(request).await.unwrap();
        let (mut line, mut length) = (String::new(), 0);
        self.0.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let mut answer = Answer { status, position: 0, body: Vec::new() };
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).await.unwrap();
            if let Some((name, value)) = line.trim_end().split_once(": ") {
                match name {
                    "content-length" => length = value.parse().unwrap(),
                    "jetsource-position" => answer.position = value.parse().unwrap(),
                    _ => {}
                }
            }
        }
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body).await.unwrap();
        answer
    }
}

/// Asks for something at a rate, until it is told to stop.
pub(crate) struct Steady<T> {
    stop: Arc<AtomicU64>,
    callers: Vec<JoinHandle<Vec<T>>>,
}

impl<T: Send + 'static> Steady<T> {
    /// `one` is given a connection, which it gives back, the number of the request, and when it was due.
    pub(crate) async fn start<F: Future<Output = (Caller, T)> + Send>(
        address: &str,
        callers: usize,
        rate: u32,
        one: impl Fn(Caller, u64, Instant) -> F + Clone + Send + 'static,
    ) -> Self {
        let (next, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        let started = tokio::time::Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let mut caller = Caller::connect(address).await;
            let (next, stop, one) = (Arc::clone(&next), Arc::clone(&stop), one.clone());
            tasks.push(tokio::spawn(async move {
                let mut found = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = started + Duration::from_secs(1) * u32::try_from(number).unwrap() / rate;
                    tokio::time::sleep_until(due).await;
                    if number >= stop.load(Ordering::Relaxed) {
                        return found;
                    }
                    let answered = one(caller, number, due.into_std()).await;
                    caller = answered.0;
                    found.push(answered.1);
                }
            }));
        }
        Self { stop, callers: tasks }
    }

    /// What was found up to now.
    pub(crate) async fn stop(self) -> Vec<T> {
        self.stop.store(0, Ordering::Relaxed);
        let mut found = Vec::new();
        for caller in self.callers {
            found.extend(caller.await.unwrap());
        }
        found
    }
}

/// A request for a list.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n").into_bytes()
}
