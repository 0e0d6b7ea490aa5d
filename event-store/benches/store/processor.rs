//! What the processors do for an event that is appended with many others: in this process, and in the broker.

use std::time::Duration;

use nats_launcher::Server;

use crate::appends::{by, open};
use crate::measure::{Found, head, number, processor, row};
use crate::raw::Raw;

const WRITERS: usize = 256;

pub async fn run() {
    println!("\n## Processor time of an event, {WRITERS} writers, staging on disk\n");
    let time = Duration::from_secs(number("SECONDS", 3));
    let server = Server::throwaway().await.unwrap();
    let store = open(&server.url()).await;
    let (plain, as_the_log) = (Raw::plain(&server.url(), 1).await, Raw::as_the_log(&server.url(), 1).await);
    head(&["", "events/s", "client µs", "broker µs"]);
    let pids = [std::process::id(), server.pid()];
    let before = pids.map(processor);
    line("**event-store**", &by(&store, WRITERS, time).await, time, pids, before);
    let before = pids.map(processor);
    line("bare batches, plain stream", &plain.batches(WRITERS, time).await, time, pids, before);
    let before = pids.map(processor);
    line("bare batches, stream as the log's", &as_the_log.batches(WRITERS, time).await, time, pids, before);
}

fn line(what: &str, found: &Found, time: Duration, pids: [u32; 2], before: [f64; 2]) {
    let events = found.rate * time.as_secs_f64();
    let spent = |of: usize| format!("{:.1}", (processor(pids[of]) - before[of]) * 1e6 / events);
    row(&[what.to_owned(), format!("{:.0}", found.rate), spent(0), spent(1)]);
}
