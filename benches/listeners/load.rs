//! Commands at a steady rate, whether or not the last one was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::shop::post;

/// How many callers share the work.
const CALLERS: u64 = 32;

/// How much is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Commands a second.
    pub(crate) rate: u64,
    pub(crate) time: Duration,
    /// They go round so many articles.
    pub(crate) articles: u64,
}

/// A command that was carried out.
pub(crate) struct Done {
    pub(crate) article: u64,
    pub(crate) position: u64,
    /// When it was due.
    pub(crate) due: Instant,
    /// From when it was due to its answer.
    pub(crate) took: Duration,
}

/// Carries them out; each is due at its time, also when others are late.
pub(crate) async fn carry_out(address: &str, load: Load) -> Vec<Done> {
    let count = load.rate * load.time.as_secs();
    let (next, started) = (Arc::new(AtomicU64::new(0)), tokio::time::Instant::now());
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.get_ref().set_nodelay(true).unwrap();
        let next = Arc::clone(&next);
        callers.push(tokio::spawn(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return done;
                }
                let due = started
                    + Duration::from_secs(1) * u32::try_from(number).unwrap()
                        / u32::try_from(load.rate).unwrap();
                tokio::time::sleep_until(due).await;
                let article = number % load.articles;
                let request =
                    post(&format!("/stock/a-{article}/receipts"), &serde_json::json!({"quantity": 1}));
                stream.get_mut().write_all(&request).await.unwrap();
                let position = position(&mut stream).await;
                let due = due.into_std();
                done.push(Done { article, position, due, took: due.elapsed() });
            }
        }));
    }
    let mut done = Vec::new();
    for caller in callers {
        done.extend(caller.await.unwrap());
    }
    done
}

/// Reads an answer, which must be a success, and gives the position in it.
async fn position(stream: &mut BufReader<TcpStream>) -> u64 {
    let (mut line, mut length, mut position) = (String::new(), 0, 0);
    stream.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("HTTP/1.1 20"), "{line}");
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            match name {
                "content-length" => length = value.parse().unwrap(),
                "jetsource-position" => position = value.parse().unwrap(),
                _ => {}
            }
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    position
}
