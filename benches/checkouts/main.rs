//! How long it takes from `POST /orders` to `confirmed`, for an order of two articles: credit and stock are reserved by
//! the sagas of the same program. Beside it, in alternating rounds, raw JetStream publishes with an fsync each. And how
//! many writes a checkout is, and what the processors did meanwhile.
//!
//! `cargo bench --bench checkouts` prints a table in Markdown. `ROUNDS`, `SECONDS` and `CLIENTS` change what is measured.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and prints")]

#[expect(dead_code, reason = "shared with the benchmark of commands")]
#[path = "../commands/beside.rs"]
mod beside;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which prints other tables"
)]
#[path = "../../event-store/benches/store/measure.rs"]
mod measure;
#[expect(dead_code, reason = "shared with the benchmark of commands")]
#[path = "../commands/requests.rs"]
mod requests;
#[expect(dead_code, reason = "shared with the benchmark of commands")]
#[path = "../commands/shop.rs"]
mod shop;
mod shoppers;
#[path = "../commands/spent.rs"]
mod spent;

use std::time::Duration;

use beside::Raw;
use measure::{Found, median, number};
use shop::Shop;
use shoppers::Shoppers;
use spent::Spent;

/// How many orders are under way at once; `CLIENTS=16` chooses one number.
const CLIENTS: [usize; 3] = [1, 16, 64];

#[tokio::main]
async fn main() {
    let rounds = number("ROUNDS", 3);
    let time = Duration::from_secs(number("SECONDS", 5));
    let shop = Shop::over(tempfile::tempdir().unwrap(), &[]).await;
    let shoppers = Shoppers::prepare(&shop.address, &shop.nats).await;
    let raw = Raw::start().await;
    println!("| clients | | per second | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|");
    let chosen = number("CLIENTS", 0);
    for clients in CLIENTS.into_iter().filter(|count| chosen == 0 || chosen == *count as u64) {
        let (mut checkouts, mut publishes) = (Vec::new(), Vec::new());
        let (mut spent, mut writes, mut done) = (Spent::default(), 0.0, 0.0);
        for _ in 0..rounds {
            let (before, written) = (Spent::so_far(&shop), shoppers.written().await);
            let found = shoppers.check_out(clients, time).await;
            let count = found.rate * time.as_secs_f64();
            spent.add(&before, &Spent::so_far(&shop), count);
            writes += shoppers.written().await - written;
            done += count;
            checkouts.push(found);
            publishes.push(raw.publishes(clients, time).await);
        }
        let (checkout, publish) = (median(checkouts), median(publishes));
        row(clients, "placed to confirmed", &checkout);
        row(clients, "raw JetStream publish, durable", &publish);
        let each = writes / done;
        println!("| {clients} | stored messages of a checkout, each behind an fsync: {each:.1} | | | |");
        let share = checkout.rate * each / publish.rate;
        println!("| {clients} | **stored messages per raw publish** | **{share:.2}** | | |");
        println!("| {clients} | processor time of a checkout, in µs: {spent} | | | |");
    }
    shop.stop().await;
}

fn row(clients: usize, what: &str, found: &Found) {
    println!("| {clients} | {what} | {:.0} | {:.2} | {:.2} |", found.rate, found.p50, found.p99);
}
