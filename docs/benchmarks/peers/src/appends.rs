//! Appends from many writers at once, for a time, and what they took.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use uuid::Uuid;

/// A store that appends the first event of an entity.
pub(crate) trait Store: Clone + Send + 'static {
    /// Returns when the event is durable. Fails when the entity has an event already.
    fn append(&self, entity: Uuid) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What one measurement found.
#[derive(Serialize)]
pub(crate) struct Found {
    peer: &'static str,
    writers: u16,
    seconds: f64,
    acks: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Counts the appends that were acknowledged in `time`, which begins after `warmup`.
pub(crate) async fn measure(
    peer: &'static str,
    store: impl Store,
    writers: u16,
    warmup: Duration,
    time: Duration,
) -> anyhow::Result<Found> {
    refuses_what_exists(&store).await?;
    let start = Instant::now() + warmup;
    let end = start + time;
    let writers_at_work: Vec<_> = (0..writers)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let asked = Instant::now();
                    if asked >= end {
                        return anyhow::Ok(times);
                    }
                    store.append(Uuid::now_v7()).await?;
                    let answered = Instant::now();
                    if answered >= start && answered < end {
                        times.push(answered - asked);
                    }
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for writer in writers_at_work {
        times.extend(writer.await??);
    }
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get(times.len().saturating_sub(1) * percent / 100);
        time.map(|time| rounded(time.as_secs_f64() * 1000.0, 1000.0)).context("nothing was acknowledged")
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    let per_second = rounded(times.len() as f64 / time.as_secs_f64(), 10.0);
    Ok(Found {
        peer,
        writers,
        seconds: time.as_secs_f64(),
        acks: times.len(),
        per_second,
        p50_ms: at(50)?,
        p99_ms: at(99)?,
    })
}

/// The expected version is checked: a benchmark of appends that are not would compare nothing.
async fn refuses_what_exists(store: &impl Store) -> anyhow::Result<()> {
    let entity = Uuid::now_v7();
    store.append(entity).await?;
    ensure!(store.append(entity).await.is_err(), "a second first event was taken");
    Ok(())
}

fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
