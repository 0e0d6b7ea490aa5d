//! What a command costs over HTTP, with an fsync behind each answer, beside what it stands on: a bare axum handler,
//! appends to the event store, and raw JetStream publishes, all of an event of the same size. All in one run, in
//! alternating rounds. And what the processors did meanwhile.
//!
//! `cargo bench` prints a table in Markdown. `ROUNDS` and `SECONDS` change how long it takes.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and prints")]

mod beside;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which prints other tables"
)]
#[path = "../../event-store/benches/store/measure.rs"]
mod measure;
mod requests;
#[expect(dead_code, reason = "shared with the benchmark of checkouts, which also asks its broker")]
mod shop;
mod spent;

use std::time::Duration;

use beside::{Raw, Store, bare_handler, start_bare_handler};
use measure::{Found, median, number};
use requests::requests;
use shop::Shop;
use spent::Spent;

/// How many requests are under way at once; `CONNECTIONS=64` chooses one number.
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--bare-handler") {
        return bare_handler().await;
    }
    let rounds = number("ROUNDS", 3);
    let time = Duration::from_secs(number("SECONDS", 3));
    let shop = Shop::over(tempfile::tempdir().unwrap(), &[]).await;
    let (mut bare, bare_address) = start_bare_handler().await;
    let raw = Raw::start().await;
    let store = Store::start().await;
    println!("| connections | | per second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|");
    let chosen = number("CONNECTIONS", 0);
    for connections in CONNECTIONS.into_iter().filter(|count| chosen == 0 || chosen == *count as u64) {
        let (mut http, mut handler, mut publish, mut append) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut spent = Spent::default();
        for _ in 0..rounds {
            let before = Spent::so_far(&shop);
            let found = requests(&shop.address, connections, time, |_| shop.order()).await;
            spent.add(&before, &Spent::so_far(&shop), found.rate * time.as_secs_f64());
            http.push(found);
            publish.push(raw.publishes(connections, time).await);
            append.push(store.appends(connections, time).await);
            handler.push(requests(&bare_address, connections, time, |_| shop.order()).await);
        }
        let (http, publish, handler, append) =
            (median(http), median(publish), median(handler), median(append));
        row(connections, "`POST /orders`, durable", &http);
        row(connections, "append to the event store, same size, durable", &append);
        row(connections, "raw JetStream publish, same size, durable", &publish);
        row(connections, "bare axum handler", &handler);
        let both = 1.0 / (1.0 / append.rate + 1.0 / handler.rate);
        println!(
            "| {connections} | **of append and handler one after the other** | **{:.2}** | | |",
            http.rate / both
        );
        println!("| {connections} | processor time of a command, in µs: {spent} | | | |");
        let share = http.rate / publish.rate;
        println!("| {connections} | **commands per raw publish** | **{share:.2}** | | |");
    }
    bare.kill().await.unwrap();
    shop.stop().await;
}

fn row(connections: usize, what: &str, found: &Found) {
    println!("| {connections} | {what} | {:.0} | {:.2} | {:.2} |", found.rate, found.p50, found.p99);
}
