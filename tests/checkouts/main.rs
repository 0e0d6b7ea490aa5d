//! Checkouts while everything fails: participants answer twice, late, or never, nodes and the broker are killed, and a
//! checker that shares no code with the rules or the sagas reads the log.
//!
//! This is the short form; `make soak` is the long one. `CHECKOUTS` and `CHECKOUT_KILLS` say how many, `SEED` draws the
//! orders and the faults of a run that failed again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop where it fails"
)]

mod check;
mod crowd;
#[path = "../harness/mod.rs"]
pub mod harness;
mod nodes;
mod payment;
mod raw;

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use nats_launcher::Dice;
use tokio::time::timeout;

use check::Report;
use crowd::Crowd;
use nodes::Nodes;
use payment::Payment;

const CHECKOUTS: u64 = 300;
const KILLS: u64 = 5;
/// By then nothing is open any more, after the last fault.
const TO_END: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_ends_and_nothing_is_oversold_overdrawn_or_left_behind() {
    let (checkouts, kills) = (setting("CHECKOUTS", CHECKOUTS), setting("CHECKOUT_KILLS", KILLS));
    let seed = setting("SEED", uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
    println!("SEED={seed}: {checkouts} checkouts, {kills} kills");
    let mut nodes = Nodes::start().await;
    let payment = Payment::start(nodes.nats(), seed).await;
    let crowd = Crowd::prepare(nodes.apis(), seed).await;

    let began = Instant::now();
    let mut calls = crowd.go(checkouts);
    let mut dice = Dice::new(seed);
    for struck in 0..kills {
        calls.reach(checkouts * struck / kills).await;
        nodes.strike(&mut dice).await;
    }
    calls.join().await;
    payment.is_kind_from_now_on();

    let fault = Instant::now();
    let mut heard = raw::heard(nodes.nats()).await;
    let mut voided = payment.voided();
    let (report, last) = loop {
        let log = raw::stored(nodes.nats()).await;
        let report = Report::of(&log, &voided.borrow_and_update());
        if report.open.is_empty() || fault.elapsed() > TO_END {
            break (report, log.last().map_or(0, |event| event.position));
        }
        // What is still open can only end by an event, or by what the payment is told.
        let news = async {
            tokio::select! { _ = heard.next() => (), _ = voided.changed() => () }
        };
        let _ = timeout(TO_END.saturating_sub(fault.elapsed()), news).await;
    };
    let (took, quiet) = (began.elapsed(), fault.elapsed());
    println!("{report}\nquiet {quiet:.1?} after the last call, {took:.1?} in all");
    assert!(report.open.is_empty(), "SEED={seed}: still open after {quiet:.0?}: {:#?}", report.open);
    assert!(report.findings.is_empty(), "SEED={seed}:\n{}", report.findings.join("\n"));
    // Some are drafts for good, and some were for a user that was deleted.
    assert!(report.placed() > checkouts / 2, "SEED={seed}: {} of {checkouts} were placed", report.placed());
    let running = nodes.running_sagas(last).await;
    assert!(running.is_empty(), "SEED={seed}: {running:?}");
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}
