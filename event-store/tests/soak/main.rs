//! Commands on a log of three servers, of which one after the other is killed: what each caller was told is held
//! against the log, which is read by code that shares nothing with the store.
//!
//! This is the short form; `make soak` is the long one. `SOAK_SECONDS` and `SOAK_KILLS` say how long and how often,
//! `SEED` draws the commands and kills of a run that failed again.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod kills;
mod report;
#[path = "../told/told.rs"]
mod told;
#[expect(dead_code, reason = "all of the toy is played with in the other tests")]
#[path = "../store/toy.rs"]
mod toy;

use std::time::{Duration, Instant};

use event_store::{EventStore, Mark};
use futures_util::future::join_all;
use nats_launcher::{Cluster, Dice};
use tokio::task::JoinHandle;

use report::Report;
use told::check::Told;
use told::crowd::{self, Numbers};
use told::{raw, setting};
use toy::{Jar, JarCommand, command, open};

const SECONDS: u64 = 60;
const KILLS: u64 = 15;
/// At each of the three servers. More would only make the log longer.
const CALLERS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_were_told_while_servers_were_killed_is_what_the_log_holds() {
    let within = Duration::from_secs(setting("SOAK_SECONDS").unwrap_or(SECONDS));
    let kills = setting("SOAK_KILLS").unwrap_or(KILLS);
    let seed = setting("SEED").unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
    println!("SEED={seed}: {kills} kills in {within:.0?}");
    let cluster = Cluster::throwaway().await.unwrap();
    let stores = join_all(cluster.nodes().iter().map(open)).await;
    crowd::seal(&stores[0]).await;
    let reader = read_all(&stores[0]);

    let since = Instant::now();
    let numbers = Numbers::endless();
    let callers: Vec<_> =
        stores.iter().zip(seed..).map(|(store, seed)| asked(store, seed, &numbers)).collect();
    numbers.taken(CALLERS * 10).await;
    let struck = kills::strike(&cluster, Dice::new(seed), kills, within).await;
    numbers.end();
    let told: Vec<Told> = join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
    let took = since.elapsed();

    cluster.formed().await.unwrap();
    seal_the_last(&stores[1]).await;
    let log = raw::read(&cluster.url()).await;
    let read = reader.await.unwrap();
    let report = Report::of(since, took, &told, &log, &read);
    println!("{struck}\n{report}");
    assert!(report.findings.is_empty(), "SEED={seed}\n{}", report.findings.join("\n"));
}

fn asked(store: &EventStore, seed: u64, numbers: &Numbers) -> JoinHandle<Vec<Told>> {
    let (store, numbers) = (store.clone(), numbers.clone());
    tokio::spawn(async move { crowd::ask(&store, seed, CALLERS, &numbers).await })
}

/// The jar that is changed when all callers have gone.
const LAST: &str = "last";

async fn seal_the_last(store: &EventStore) {
    let since = Instant::now();
    while let Err(error) = store.execute::<Jar>(&LAST.to_owned(), JarCommand::Seal, &command()).await {
        assert!(since.elapsed() < Duration::from_mins(1), "writes do not go on: {error}");
    }
}

/// A reader of the log who goes on through all of it: how many events it has read up to the last, or why it stopped.
fn read_all(store: &EventStore) -> JoinHandle<Result<u64, String>> {
    let mut reader = store.subscribe(Mark::START);
    tokio::spawn(async move {
        let mut read = 0;
        loop {
            for entry in reader.next(1000).await.map_err(|error| error.to_string())?.entries {
                read += 1;
                if matches!(&entry, event_store::Entry::Event(event) if event.entity.id == LAST) {
                    return Ok(read);
                }
            }
        }
    })
}
