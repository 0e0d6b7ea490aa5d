//! Rates and times, and the rows of a table in Markdown.

#![expect(clippy::cast_precision_loss, reason = "rates and milliseconds are for people")]

use std::future::Future;
use std::time::{Duration, Instant};

/// What one measurement found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Done in a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The round with the median rate.
pub fn median(mut found: Vec<Found>) -> Found {
    found.sort_by(|one, two| one.rate.total_cmp(&two.rate));
    found.swap_remove(found.len() / 2)
}

/// What these single times come to, of which so many were done side by side in so long.
pub fn summary(mut times: Vec<Duration>, took: Duration) -> Found {
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into what was measured"
        )]
        let index = ((times.len() - 1) as f64 * share) as usize;
        times[index].as_secs_f64() * 1000.0
    };
    Found { rate: times.len() as f64 / took.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

/// Writers side by side, each doing one thing after the other for a time.
pub async fn writers<F: Future<Output = ()> + Send>(
    count: usize,
    time: Duration,
    one: impl Fn() -> F + Clone + Send + 'static,
) -> Found {
    let started = Instant::now();
    let writers: Vec<_> = (0..count)
        .map(|_| {
            let one = one.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while started.elapsed() < time {
                    let asked = Instant::now();
                    one().await;
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for writer in writers {
        times.extend(writer.await.unwrap());
    }
    summary(times, started.elapsed())
}

/// User and system time of a process, in seconds (`proc_pid_stat(5)`; a tick is a hundredth).
pub fn processor(pid: u32) -> f64 {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = line.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap() as f64).sum::<f64>() / 100.0
}

/// The head of a table.
pub fn head(columns: &[&str]) {
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// One row of it.
pub fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
