//! A broker whose log is filled: once for each size and seed, then kept under `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use event_store::{Connection, EventStore, Restoring, Settings};
use nats_launcher::{Options, Server, find};
use tempfile::TempDir;

use crate::measure::number;
use crate::shop_log::{ShopLog, Till};

/// How large the log is, and which.
pub(crate) struct Wanted {
    pub(crate) events: u64,
    seed: u64,
    orders_a_day: u64,
}

impl Wanted {
    /// The file has 61 orders of its one day.
    pub(crate) fn from_environment() -> Self {
        let (events, seed) = (number("EVENTS", 1_000_000), number("SEED", 1));
        Self { events, seed, orders_a_day: number("ORDERS_A_DAY", 61) }
    }

    /// The data folder of a program that has this log.
    pub(crate) async fn folder(&self) -> PathBuf {
        let Self { events, seed, orders_a_day } = self;
        let folder = target().join(format!("shop-log-{events}-{seed}-{orders_a_day}"));
        if !folder.exists() {
            let unfinished = folder.with_extension("unfinished");
            let _ = fs::remove_dir_all(&unfinished);
            self.fill(&unfinished).await;
            fs::rename(&unfinished, &folder).unwrap();
        }
        folder
    }

    async fn fill(&self, folder: &Path) {
        let started = Instant::now();
        let server = server(folder).await;
        let mut log = Restoring::new(open(&server.url()).await);
        let shop = ShopLog::new(Till::read(), self.seed, self.orders_a_day);
        for event in shop.take(usize::try_from(self.events).unwrap()) {
            log.take(event).await.unwrap();
        }
        log.finish().await.unwrap();
        server.stop().await;
        eprintln!("{} events in {:.1} s", self.events, started.elapsed().as_secs_f64());
    }
}

/// A folder that goes away, on the same disk as the log.
pub(crate) fn scratch() -> TempDir {
    fs::create_dir_all(target()).unwrap();
    tempfile::tempdir_in(target()).unwrap()
}

/// A copy of the log, to write to.
pub(crate) fn copy(folder: &Path) -> TempDir {
    let copy = scratch();
    let said = std::process::Command::new("cp").arg("-R").arg(folder.join(".")).arg(copy.path()).status();
    assert!(said.unwrap().success(), "{} cannot be copied", folder.display());
    copy
}

/// A server over a data folder, as the program runs it.
pub(crate) async fn server(folder: &Path) -> Server {
    let explicit = std::env::var_os("JETSOURCE_NATS_SERVER").map(PathBuf::from);
    let binary = find(explicit.as_deref(), &[]).unwrap();
    Server::start(Options::new(binary, folder.join("nats"))).await.unwrap()
}

pub(crate) async fn open(url: &str) -> EventStore {
    let connection = Connection::open(url).await.unwrap();
    EventStore::open(connection, Settings::default()).await.unwrap()
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-data")
}
