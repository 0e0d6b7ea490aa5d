//! What thousands of listeners cost: 2,000 on `GET /events`, of whom 20 hear everything and each other one entity, while
//! 200 commands a second are carried out. Counts what was missed and what came twice, the memory of the program, and
//! how long commands take with listeners and without.
//!
//! `cargo bench --bench listeners` prints tables in Markdown. `LISTENERS`, `ALL`, `RATE`, `SECONDS` and `ROUNDS` change
//! it. Each listener needs a file descriptor in both processes: see `ulimit -n`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and prints")]

mod heard;
mod load;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which prints other tables"
)]
#[path = "../../event-store/benches/store/measure.rs"]
mod measure;
#[expect(dead_code, reason = "shared with the benchmark of commands, which also measures requests")]
#[path = "../commands/requests.rs"]
mod requests;
#[expect(dead_code, reason = "shared with the benchmark of commands, which places orders")]
#[path = "../commands/shop.rs"]
mod shop;

use std::time::Duration;

use heard::Listeners;
use load::{Load, carry_out};
use measure::{number, summary};
use shop::Shop;

#[tokio::main]
async fn main() {
    let listeners = number("LISTENERS", 2000);
    let count = f64::from(u32::try_from(listeners).unwrap());
    let of_all = number("ALL", 20);
    let load = Load {
        rate: number("RATE", 200),
        time: Duration::from_secs(number("SECONDS", 10)),
        articles: listeners - of_all,
    };
    let shop = Shop::over(tempfile::tempdir().unwrap(), &[]).await;
    let pid = shop.program.id().unwrap();
    // Every article is there before, and the program is warm.
    let warm = Load { rate: 2000, time: Duration::from_secs(load.articles.div_ceil(2000).max(1)), ..load };
    carry_out(&shop.address, warm).await;
    println!(
        "| round | | commands/s | p50 ms | p99 ms | missed | twice | heard after, p50 ms | p99 ms | MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for round in 1..=number("ROUNDS", 3) {
        let done = carry_out(&shop.address, load).await;
        let found = summary(done.iter().map(|done| done.took).collect(), load.time);
        let before = resident(pid);
        let (rate, p50, p99) = (found.rate, found.p50, found.p99);
        println!("| {round} | no listeners | {rate:.0} | {p50:.2} | {p99:.2} | | | | | {before:.1} |");

        let all = Listeners::connect(&shop.address, listeners - of_all, of_all).await;
        let idle = resident(pid);
        let each = (idle - before) * 1024.0 / count;
        println!("| {round} | {listeners} idle listeners | | | | | | | | {idle:.1}, {each:.1} KB each |");
        let done = carry_out(&shop.address, load).await;
        let found = summary(done.iter().map(|done| done.took).collect(), load.time);
        let busy = resident(pid);
        let heard = all.heard(&done).await;
        let delay = summary(heard.delays, load.time);
        println!(
            "| {round} | {listeners} listeners | {:.0} | {:.2} | {:.2} | {} | {} | {:.2} | {:.2} | {busy:.1} |",
            found.rate, found.p50, found.p99, heard.missed, heard.twice, delay.p50, delay.p99
        );
    }
    shop.stop().await;
}

/// The memory of a process that is in use, in MB (`proc_pid_status(5)`).
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
