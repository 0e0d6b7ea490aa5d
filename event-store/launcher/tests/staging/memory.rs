//! Staging in memory, through starts, crashes and ends of the server.

use std::fs;
use std::future::Future;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nats_launcher::{LaunchError, Options, Server, Staging, find};
use tempfile::TempDir;

use crate::raw::{self, Batch, Writers};

/// A store on disk, and a place in memory, both gone when dropped.
struct Place {
    store: TempDir,
    memory: TempDir,
}

impl Place {
    /// `None`, with a line on standard error, where there is no shared memory.
    fn new() -> Option<Self> {
        let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
            // Not by a macro, whose words the test runner keeps to itself: a test that tests nothing must say so.
            stderr().write_all(b"NOT TESTED: staging in memory. There is no /dev/shm here.\n").unwrap();
            return None;
        };
        Some(Self { store: tempfile::tempdir().unwrap(), memory })
    }

    fn on_disk(&self) -> Options {
        let explicit = std::env::var_os("JETSOURCE_NATS_SERVER").map(PathBuf::from);
        Options::new(find(explicit.as_deref(), &[]).unwrap(), self.store.path())
    }

    fn in_memory(&self) -> Options {
        Options { staging: Staging::Memory(self.memory.path().to_owned()), ..self.on_disk() }
    }

    /// A server that stages in memory, with a stream.
    async fn serve(&self) -> Server {
        let server = Server::start(self.in_memory()).await.unwrap();
        raw::make_stream(server.port(), "EVENTS").await;
        server.stage().await;
        assert_eq!(server.staging(), self.in_memory().staging);
        server
    }

    fn batches(&self) -> PathBuf {
        self.store.path().join("jetstream/JETSOURCE/streams/EVENTS/batches")
    }

    /// What the servers left in memory.
    fn left(&self) -> usize {
        fs::read_dir(self.memory.path()).unwrap().count()
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

async fn store_a_batch(server: &Server) -> bool {
    let mut batch = Batch::new(server.port(), "EVENTS").await;
    batch.add().await && batch.add().await && batch.commit().await
}

/// Waits for what the server does by itself.
async fn awaited<F: Future<Output = bool>>(what: impl Fn() -> F) {
    let since = Instant::now();
    while !what().await {
        assert!(since.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_batch_is_staged_in_memory_and_nowhere_else() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    let mut batch = Batch::new(server.port(), "EVENTS").await;
    assert!(batch.add().await);
    assert!(place.batches().is_symlink());
    assert!(fs::canonicalize(place.batches()).unwrap().starts_with(place.memory.path()));
    assert!(!is_empty(&place.batches()));
    assert!(batch.commit().await);
    server.stop().await;
    assert_eq!((place.left(), place.batches().exists()), (0, false));
}

#[tokio::test]
async fn it_stays_so_through_starts_and_crashes() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    assert!(store_a_batch(&server).await);
    for times in 1..=5 {
        server.kill().unwrap();
        server.restarted(times).await;
        assert!(place.batches().is_symlink(), "before anybody writes");
        assert!(store_a_batch(&server).await);
    }
    server.stop().await;
    let server = Server::start(place.in_memory()).await.unwrap();
    assert_eq!(server.staging(), place.in_memory().staging);
    assert!(store_a_batch(&server).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_leaves_no_batch_half_written() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    let mut from = 1;
    for round in 1..=12 {
        let writers = Writers::start(server.port(), "EVENTS", round);
        writers.have_written(round).await;
        server.kill().unwrap();
        server.restarted(round).await;
        let acknowledged = writers.acknowledged().await;
        let (found, last) = raw::read(server.port(), "EVENTS", from).await;
        assert_eq!(found.lost(&acknowledged), Vec::<String>::new());
        assert_eq!(found.cut, Vec::new());
        from = last + 1;
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_unfinished_at_an_orderly_end_comes_to_disk() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    let mut batch = Batch::new(server.port(), "EVENTS").await;
    assert!(batch.add().await);
    server.stop().await;
    assert!(place.batches().is_dir() && !place.batches().is_symlink() && !is_empty(&place.batches()));
    assert_eq!(place.left(), 0);
    let server = Server::start(place.in_memory()).await.unwrap();
    assert!(is_empty(&place.batches()), "the server has read it");
    assert!(store_a_batch(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn a_start_on_disk_reads_what_a_crash_left_in_memory_and_clears_it() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    let mut batch = Batch::new(server.port(), "EVENTS").await;
    assert!(batch.add().await);
    drop(server);
    assert!(place.batches().is_symlink() && !is_empty(&place.batches()));
    let server = Server::start(place.on_disk()).await.unwrap();
    assert_eq!((place.left(), server.staging()), (0, Staging::Disk));
    assert!(store_a_batch(&server).await);
    assert!(place.batches().is_dir() && !place.batches().is_symlink());
    server.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_in_use_is_left_alone_and_taken_later() {
    let Some(place) = Place::new() else { return };
    let server = Server::start(place.in_memory()).await.unwrap();
    raw::make_stream(server.port(), "EVENTS").await;
    let mut batch = Batch::new(server.port(), "EVENTS").await;
    assert!(batch.add().await);
    server.stage().await;
    assert_eq!(server.staging(), Staging::Disk, "it says so");
    assert!(batch.commit().await);
    awaited(async || server.staging() != Staging::Disk).await;
    assert!(store_a_batch(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn a_folder_in_memory_that_somebody_removed_comes_back() {
    let Some(place) = Place::new() else { return };
    let server = place.serve().await;
    fs::remove_dir_all(fs::read_dir(place.memory.path()).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert_eq!(server.staging(), Staging::Disk);
    assert!(!store_a_batch(&server).await, "refused meanwhile");
    awaited(async || store_a_batch(&server).await).await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_memory_is_refused() {
    let store = tempfile::tempdir().unwrap();
    let mut options = Options::new(find(None, &[]).unwrap(), store.path());
    for folder in ["/proc", "/nonexistent"] {
        options.staging = Staging::Memory(folder.into());
        let refusal = Server::start(options.clone()).await.unwrap_err();
        assert!(matches!(refusal, LaunchError::Staging { .. }));
        let line = refusal.to_string();
        assert!(line.contains(folder) && line.contains("tmpfs") && !line.contains('\n'), "{line}");
    }
}
