//! The power goes while callers append over two entities, and takes the program with it.
//!
//! `JETSOURCE_POWER_CUTS` asks for more cuts.

use std::collections::BTreeMap;
use std::io::{Write as _, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use event_model::{EntityName, Metadata};
use event_store::{Connection, EventStore, Settings, Staging, Stand, StoreError, Write};
use nats_launcher::{Dice, Power, PowerError, Server, Unsynced};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::told::check::{Told, Verdict, contradictions};
use crate::told::raw;
use crate::toy::{JarEvent, command, open};

const CUTS: u64 = 4;
const CALLERS: usize = 48;

/// All that was ever asked for, with what the callers were told.
#[derive(Default)]
struct Notes {
    numbers: AtomicU64,
    told: Mutex<BTreeMap<u64, Told>>,
    done: watch::Sender<u64>,
}

impl Notes {
    fn tell(&self, number: u64, verdict: Verdict) {
        self.told.lock().unwrap().get_mut(&number).unwrap().verdict = verdict;
        self.done.send_modify(|done| *done += u64::from(verdict == Verdict::Done));
    }

    /// Returns once so many more appends are done.
    async fn more_done(&self, more: u64) {
        let target = *self.done.borrow() + more;
        self.done.subscribe().wait_for(|done| *done >= target).await.unwrap();
    }
}

/// The server, or a line on standard error that says why there is none.
fn powered(power: Result<Power, PowerError>) -> Option<Power> {
    match power {
        Err(PowerError::NoDisk(why)) => {
            // Not by a macro, whose words the test runner keeps to itself: a test that tests nothing must say so.
            stderr()
                .write_all(
                    format!("NOT TESTED: power cuts. A disk image cannot be mounted here: {why}\n")
                        .as_bytes(),
                )
                .unwrap();
            None
        }
        power => Some(power.unwrap()),
    }
}

/// A program with a store and callers, that ends like one that lost its power: nothing of it goes on.
struct Program(Runtime);

impl Program {
    async fn start(server: &Server, staging: Staging, notes: &Arc<Notes>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let url = server.url();
        let opening = async move {
            let connection = Connection::open(&url).await.unwrap();
            let settings = Settings { staging, ..Settings::default() };
            EventStore::open(connection, settings).await.unwrap()
        };
        let store = runtime.spawn(opening).await.unwrap();
        server.stage().await;
        for _ in 0..CALLERS {
            runtime.spawn(append_on_and_on(store.clone(), Arc::clone(notes)));
        }
        Self(runtime)
    }

    fn end(self) {
        self.0.shutdown_background();
    }
}

async fn append_on_and_on(store: EventStore, notes: Arc<Notes>) {
    loop {
        let number = notes.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let metadata = command();
        // From here on it may be in the log, whether or not there will be an answer.
        let (writes, told) = both(number, &metadata);
        notes.told.lock().unwrap().insert(number, told);
        let verdict = match store.append(&writes, &metadata).await {
            Ok(_) => Verdict::Done,
            Err(StoreError::OutcomeUnknown(_)) => Verdict::Unknown,
            Err(StoreError::Unavailable(_)) => Verdict::NotNow,
            Err(other) => unreachable!("{other:?}"),
        };
        notes.tell(number, verdict);
    }
}

/// Some coins into a jar of its own, and into another one: two to some twenty events.
fn both(number: u64, metadata: &Metadata) -> ([Write; 2], Told) {
    let names = [format!("left-{number}"), format!("right-{number}")];
    let events = [1 + number % 17, 1 + number % 5].map(|events| usize::try_from(events).unwrap());
    let write = |at: usize| {
        let coins = vec![JarEvent::CoinsAdded { coins: number }; events[at]];
        Write::new(EntityName::new("jar", &names[at]), Stand::default(), &coins, metadata).unwrap()
    };
    let jars = names.iter().zip(events).flat_map(|(name, events)| vec![name.clone(); events]).collect();
    let (commands, answers) = (vec![metadata.command_id], Vec::new());
    let told =
        Told { number, jars, commands, answers, verdict: Verdict::Unknown, lies: None, at: Instant::now() };
    ([write(0), write(1)], told)
}

/// Cuts the power under load, opens the store again, and holds the log against what callers were told.
#[expect(clippy::print_stdout, reason = "says what was settled")]
async fn through_cuts(mut power: Power, staging: Staging) {
    let cuts = std::env::var("JETSOURCE_POWER_CUTS").map_or(CUTS, |cuts| cuts.parse().unwrap());
    let (notes, mut dice) = (Arc::new(Notes::default()), Dice::new(1));
    for round in 0..cuts {
        let program = Program::start(power.server(), staging, &notes).await;
        notes.more_done(dice.roll(50..300)).await;
        power.writes().await.unwrap();
        power.server().pause().unwrap();
        program.end();
        let unsynced = match round % 4 {
            0 | 2 => Unsynced::Kept,
            1 => Unsynced::Torn(round),
            _ => Unsynced::Lost,
        };
        power = power.cut(unsynced).await.unwrap();
        let found = raw::read(&power.server().url()).await.len();
        open(power.server()).await.settle().await.unwrap();
        let log = raw::read(&power.server().url()).await;
        let told = notes.told.lock().unwrap();
        let done = *notes.done.borrow();
        let report = format!(
            "cut {round}, unsynced {unsynced:?}: {done} of {} appends done, {found} events found, {} settled",
            told.len(),
            log.len() - found
        );
        println!("{report}");
        let wrong = contradictions(told.values(), &log);
        assert!(wrong.is_empty(), "{report}; {} contradictions\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_and_cuts_no_append_when_staged_on_disk() {
    let Some(power) = powered(Power::staging_on_disk().await) else { return };
    through_cuts(power, Staging::Disk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_and_leaves_no_append_cut_when_staged_in_memory() {
    let Some(power) = powered(Power::staging_in_memory().await) else { return };
    through_cuts(power, Staging::Memory).await;
}
