//! What the event store costs beside what it stands on, in one run, in alternating rounds.
//!
//! - [`measure`]: rates and times, and the table
//! - [`raw`]: JetStream itself: single publishes, and a loop that does nothing but fill atomic batches
//! - [`appends`]: appends with an fsync behind each ack, by 1 to 256 writers
//!
//! `make bench-store` runs all parts; a part is chosen by its name as an argument. `ROUNDS` and `SECONDS` change how
//! long it takes.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops where it fails, and prints"
)]

mod appends;
mod measure;
mod raw;

#[tokio::main]
async fn main() {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let runs = |part: &str| asked.is_empty() || asked.iter().any(|name| name == part);
    if runs("appends") {
        appends::run().await;
    }
}
