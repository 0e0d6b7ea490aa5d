//! What lists and commands notice while a view is built anew: on the real program, over a copy of the log.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::{Activity, Customers, Orders, Sagas, SalesByArticle, SalesByDay, Stocks, Users};
use event_model::Projection as _;
use event_store::EventStore;
use projections::{Answer, Asked, ControlError, Report, ask};
use serde_json::value::RawValue;

use crate::asked::{Caller, Steady, get};
use crate::filled::{self, open};
use crate::homes::Kind;
use crate::measure::{head, number, row, summary};
use crate::shop::Shop;

/// How many a second are asked for.
const LISTS: u32 = 100;
const COMMANDS: u32 = 50;
/// Those that the program keeps.
const VIEWS: [&str; 8] = [
    Activity::NAME,
    Customers::NAME,
    Orders::NAME,
    SalesByArticle::NAME,
    SalesByDay::NAME,
    Sagas::NAME,
    Stocks::NAME,
    Users::NAME,
];
/// As long as a page may be.
const PAGE: usize = 200;

/// One list, or one command.
#[derive(Clone, Copy)]
struct Asking {
    took: Duration,
    fails: bool,
    /// Whether a list had fewer rows than there are.
    partial: bool,
}

/// Lists and commands, with a rebuild and without.
pub(crate) async fn run(folder: &Path, kind: &Kind) {
    let home = kind.make();
    // No sagas: they would begin with the first of these orders.
    let shop = Shop::over(filled::copy(folder), &["--role", "api,projections", "--views", &home.url]).await;
    let store = open(&shop.nats).await;
    let end = store.head().await.unwrap();
    // The others too: what they read at first is not what is measured.
    for view in VIEWS {
        caught_up(&store, view, |report| report.position >= end).await;
    }
    println!("\n{}:\n", kind.name());
    head(&[
        "",
        "lists/s",
        "p50 ms",
        "p99 ms",
        "failed",
        "partial",
        "commands/s",
        "p50 ms",
        "p99 ms",
        "failed",
    ]);
    for round in 1..=number("ROUNDS", 3) {
        let time = Duration::from_secs(number("SECONDS", 10));
        ask_for(&shop, &format!("{round}, nothing else"), tokio::time::sleep(time)).await;
        ask_for(&shop, &format!("{round}, while it is built anew"), async {
            let before = report(&store, Orders::NAME).await.unwrap().generation;
            let answer = ask(&store, Orders::NAME, &Asked::Rebuild).await.unwrap();
            assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
            let started = Instant::now();
            caught_up(&store, Orders::NAME, |report| report.generation > before && report.rebuild.is_none())
                .await;
            eprintln!("built anew beside them in {:.1} s", started.elapsed().as_secs_f64());
        })
        .await;
    }
    shop.stop().await;
}

/// Asks for as long as `work` takes.
async fn ask_for(shop: &Shop, what: &str, work: impl Future<Output = ()>) {
    let command = shop.order();
    let list = |mut caller: Caller, number: u64, due: Instant| async move {
        let path = match number % 2 {
            0 => format!("/orders?limit={PAGE}"),
            _ => format!("/orders?status=completed&limit={PAGE}"),
        };
        let answer = caller.ask(&get(&path)).await;
        let rows: Vec<&RawValue> = serde_json::from_slice(&answer.body).unwrap_or_default();
        let fails = answer.status != 200;
        (caller, Asking { took: due.elapsed(), fails, partial: !fails && rows.len() != PAGE })
    };
    let act = move |mut caller: Caller, _, due: Instant| {
        let command = command.clone();
        async move {
            let answer = caller.ask(&command).await;
            (caller, Asking { took: due.elapsed(), fails: answer.status != 201, partial: false })
        }
    };
    let started = Instant::now();
    let lists = Steady::start(&shop.address, 8, LISTS, list).await;
    let commands = Steady::start(&shop.address, 8, COMMANDS, act).await;
    work.await;
    let took = started.elapsed();
    let mut cells = vec![what.to_owned()];
    for (found, of_lists) in [(lists.stop().await, true), (commands.stop().await, false)] {
        let times = summary(found.iter().map(|asking| asking.took).collect(), took);
        cells.extend([
            format!("{:.0}", times.rate),
            format!("{:.2}", times.p50),
            format!("{:.2}", times.p99),
        ]);
        cells.push(found.iter().filter(|asking| asking.fails).count().to_string());
        if of_lists {
            cells.push(found.iter().filter(|asking| asking.partial).count().to_string());
        }
    }
    row(&cells);
}

async fn caught_up(store: &EventStore, view: &str, is_so: impl Fn(&Report) -> bool) {
    while !report(store, view).await.is_some_and(|report| is_so(&report)) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `None` before a worker has its lease, or while it has no time to answer.
async fn report(store: &EventStore, view: &str) -> Option<Report> {
    match ask(store, view, &Asked::Status).await {
        Ok(Answer::Status(report)) => Some(*report),
        Err(ControlError::NoWorker(_) | ControlError::Unavailable { .. }) => None,
        other => panic!("{other:?}"),
    }
}
