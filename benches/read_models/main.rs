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
mod homes;
mod meanwhile;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which prints other tables"
)]
#[path = "../../event-store/benches/store/measure.rs"]
mod measure;
mod pages;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the benchmark of the store, which measures appends"
)]
#[path = "../../event-store/benches/store/peers.rs"]
mod peers;
mod rebuild;
mod replay;
#[expect(dead_code, reason = "shared with the benchmark of commands, which also measures requests")]
#[path = "../commands/requests.rs"]
mod requests;
#[path = "../commands/shop.rs"]
mod shop;
mod shop_log;
mod visible;

use std::path::Path;

use filled::Wanted;
use homes::Kind;
use measure::{head, number, row};
use rebuild::Built;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        for kind in Kind::all() {
            meanwhile::run(&folder, &kind).await;
        }
    }
    if is_wanted("pages") {
        println!("\n## A page of {} rows\n", wanted.events);
        let server = filled::server(&folder).await;
        for kind in Kind::all() {
            pages::run(&filled::open(&server.url()).await, &kind).await;
        }
        server.stop().await;
    }
    if is_wanted("visible") {
        println!("\n## From the acknowledgement to a list that shows it\n");
        for kind in Kind::all() {
            visible::run(&kind).await;
        }
    }
}

/// Rounds in turn, of which the table has the median; each view's share is of the raw consumer of the same round.
async fn build(wanted: &Wanted, folder: &Path) {
    let server = filled::server(folder).await;
    let store = filled::open(&server.url()).await;
    let end = store.head().await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "rates are for people")]
    let events = wanted.events as f64;
    let kinds = Kind::all();
    let mut rounds = Vec::new();
    for _ in 0..number("ROUNDS", 3) {
        let raw = rebuild::raw(&server.url(), end).await;
        let mut built = Vec::new();
        for kind in &kinds {
            built.push(rebuild::in_its_own_process(&server.url(), &kind.make()).await);
        }
        eprintln!("raw {raw:.1} s, {built:?}");
        rounds.push((raw, built));
    }
    head(&["", "events/s", "of raw", "peak MB"]);
    let line = |what: String, seconds: &dyn Fn(&(f64, Vec<Built>)) -> f64, peak: String| {
        let middle = |of: &dyn Fn(&(f64, Vec<Built>)) -> f64| middle(rounds.iter().map(of).collect());
        let (rate, share) =
            (middle(&|round| events / seconds(round)), middle(&|round| round.0 / seconds(round)));
        row(&[what, format!("{rate:.0}"), format!("{share:.2}"), peak]);
    };
    line("raw pull consumer, no acks".into(), &|round| round.0, String::new());
    for (place, kind) in kinds.iter().enumerate() {
        let peak = rounds.iter().map(|(_, built)| built[place].peak).fold(0.0, f64::max);
        let (peak, home) = (format!("{peak:.0}"), kind.name());
        let first = format!("`orders` built from nothing, {home}");
        line(first, &|round| round.1[place].first, peak.clone());
        let anew = format!("`orders` built anew beside the rows that serve, {home}");
        line(anew, &|round| round.1[place].rebuilt, peak);
    }
    if let Some((rate, of)) = replay::run(&store, 50_000).await {
        let share = rate / events * middle(rounds.iter().map(|round| round.0).collect());
        let what = format!("postgres-es 0.5, its own replay, {of} events of orders");
        row(&[what, format!("{rate:.0}"), format!("{share:.2}"), String::new()]);
    }
    server.stop().await;
}

fn middle(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
