//! How soon a list shows what was acknowledged, on the real program with all its roles.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::asked::{Caller, Steady};
use crate::filled::scratch;
use crate::homes::Kind;
use crate::measure::{head, number, row, summary};
use crate::shop::{Shop, post};

const CALLERS: usize = 64;

/// Commands at a steady rate, each followed by a list that must show it.
pub(crate) async fn run(kind: &Kind) {
    let rate = u32::try_from(number("RATE", 1000)).unwrap();
    let time = Duration::from_secs(number("SECONDS", 10));
    let home = kind.make();
    let shop = Shop::over(scratch(), &["--views", &home.url]).await;
    println!("\n{}:\n", kind.name());
    head(&[
        "commands/s asked for",
        "commands/s",
        "to the ack, p50 ms",
        "p99 ms",
        "from it to the list, p50 ms",
        "p99 ms",
    ]);
    for _ in 0..number("ROUNDS", 3) {
        let one = |mut caller: Caller, number: u64, due: Instant| async move {
            let article = format!("a-{:03}", number % 500);
            let receipt = post(&format!("/stock/{article}/receipts"), &json!({"quantity": 1}));
            let answer = caller.ask(&receipt).await;
            assert!(answer.status < 300, "{}", answer.status);
            let acknowledged = Instant::now();
            let list = format!(
                "GET /stock?limit=1 HTTP/1.1\r\nhost: shop\r\njetsource-position: {}\r\n\r\n",
                answer.position
            );
            let listed = caller.ask(list.as_bytes()).await;
            assert!(listed.status == 200 && listed.position >= answer.position, "{}", listed.status);
            (caller, (acknowledged - due, acknowledged.elapsed()))
        };
        let started = Instant::now();
        let commands = Steady::start(&shop.address, CALLERS, rate, one).await;
        tokio::time::sleep(time).await;
        let found = commands.stop().await;
        let took = started.elapsed();
        let acks = summary(found.iter().map(|(ack, _)| *ack).collect(), took);
        let seen = summary(found.iter().map(|(_, seen)| *seen).collect(), took);
        row(&[
            rate.to_string(),
            format!("{:.0}", acks.rate),
            format!("{:.2}", acks.p50),
            format!("{:.2}", acks.p99),
            format!("{:.2}", seen.p50),
            format!("{:.2}", seen.p99),
        ]);
    }
    shop.stop().await;
}
