//! What the event store costs beside what it stands on and beside others, in one run, in alternating rounds.
//!
//! - [`measure`]: rates and times, and the table
//! - [`note`]: the entity that is written to
//! - [`raw`]: JetStream itself: single publishes, and a loop that does nothing but fill atomic batches
//! - [`peers`]: UmaDB and postgres-es, where `docs/benchmarks/peers` was built
//! - [`appends`]: appends with an fsync behind each ack, by 1 to 256 writers
//! - [`processor`]: what the processors do for such an event
//! - [`partitions`]: one stream or several side by side
//! - [`log`]: a million commands: memory, cold reads, long histories, replay
//!
//! `make bench-store` runs all parts: `disk`, `memory`, `cluster`, `processor`, `log`; `PARTS=disk,log`
//! chooses, and `PARTS=partitions` that part, which is not among them. `WRITERS`, `ROUNDS`, `SECONDS`
//! and `COMMANDS` change how long it takes.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark stops where it fails, and prints"
)]

mod appends;
mod log;
mod measure;
mod note;
mod partitions;
mod peers;
mod processor;
mod raw;

#[tokio::main]
async fn main() {
    let asked = std::env::var("PARTS").unwrap_or_else(|_| "disk,memory,cluster,processor,log".into());
    for part in asked.split(',') {
        match part {
            "disk" => appends::on_disk().await,
            "memory" => appends::in_memory().await,
            "cluster" => appends::on_three_nodes().await,
            "processor" => processor::run().await,
            "partitions" => partitions::run().await,
            "log" => log::run().await,
            other => panic!("no part is called {other:?}"),
        }
    }
}
