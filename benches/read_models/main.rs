//! What read models cost, over the log of a shop of a million events (`ShopLog`): how fast one is built from it, beside a
//! raw consumer and the replay of another store; what lists and commands notice of that; how fast pages of a million rows
//! are; and how soon a list shows what was acknowledged.
//!
//! `cargo bench --bench read_models` prints tables in Markdown. `PARTS=build,pages` chooses some of it; `EVENTS`, `SEED`,
//! `ORDERS_A_DAY` choose the log, which is kept under `target/`; `-- --data` makes no more than that.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops where it fails, and prints"
)]

mod asked;
mod filled;
mod meanwhile;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which prints other tables"
)]
#[path = "../../event-store/benches/store/measure.rs"]
mod measure;
mod pages;
mod rebuild;
#[expect(dead_code, reason = "shared with the benchmark of commands, which also measures requests")]
#[path = "../commands/requests.rs"]
mod requests;
#[path = "../commands/shop.rs"]
mod shop;
mod shop_log;
mod visible;

use filled::Wanted;
use measure::{head, number, row};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [call, url, views, ..] = arguments.as_slice()
        && call == "--rebuild"
    {
        return rebuild::run(url, views).await;
    }
    let wanted = Wanted::from_environment();
    let folder = wanted.folder().await;
    if arguments.iter().any(|argument| argument == "--data") {
        println!("{}", folder.display());
        return;
    }
    let parts = std::env::var("PARTS").unwrap_or_default();
    let is_wanted = |part: &str| parts.is_empty() || parts.split(',').any(|chosen| chosen == part);
    if is_wanted("build") {
        println!("\n## The view of orders, built from {} events\n", wanted.events);
        build(&wanted, &folder).await;
    }
    if is_wanted("meanwhile") {
        println!("\n## Lists and commands while it is built anew\n");
        meanwhile::run(&folder).await;
    }
    if is_wanted("pages") {
        println!("\n## A page of {} rows\n", wanted.events);
        let server = filled::server(&folder).await;
        pages::run(&filled::open(&server.url()).await).await;
        server.stop().await;
    }
    if is_wanted("visible") {
        println!("\n## From the acknowledgement to a list that shows it\n");
        visible::run().await;
    }
}

async fn build(wanted: &Wanted, folder: &std::path::Path) {
    let server = filled::server(folder).await;
    let end = filled::open(&server.url()).await.head().await.unwrap();
    head(&["", "events/s", "of raw", "MB"]);
    #[expect(clippy::cast_precision_loss, reason = "rates are for people")]
    let events = wanted.events as f64;
    for _ in 0..number("ROUNDS", 3) {
        let raw = rebuild::raw(&server.url(), end).await;
        let views = filled::scratch();
        let built = rebuild::in_its_own_process(&server.url(), &views.path().join("views.sqlite")).await;
        row(&[
            "raw pull consumer, no acks".into(),
            format!("{:.0}", events / raw),
            "1.00".into(),
            String::new(),
        ]);
        for (what, seconds) in [("built from nothing", built.first), ("built anew", built.rebuilt)] {
            row(&[
                what.into(),
                format!("{:.0}", events / seconds),
                format!("{:.2}", raw / seconds),
                format!("{:.0}", built.peak),
            ]);
        }
    }
    server.stop().await;
}
