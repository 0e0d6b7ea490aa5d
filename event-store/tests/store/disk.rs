//! The disk is full, and then it is not.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use event_store::{Connection, EventStore, ExecuteError, Settings, StoreError};
use futures_util::future::join_all;
use nats_launcher::{Options, Server, find};

use crate::small_disk::Disk;
use crate::told::raw;
use crate::toy::{Jar, JarCommand, command, jar};

async fn log_on(folder: &Path) -> (Server, EventStore) {
    let explicit = std::env::var_os("JETSOURCE_NATS_SERVER").map(std::path::PathBuf::from);
    let binary = find(explicit.as_deref(), &[]).unwrap();
    let server = Server::start(Options::new(binary, folder.join("nats"))).await.unwrap();
    let connection = Connection::open(&server.url()).await.unwrap();
    (server, EventStore::open(connection, Settings::default()).await.unwrap())
}

/// How many were told 'done', and how many nothing certain. All others heard that nothing was stored.
async fn add_coins(store: &EventStore, jars: u64) -> (u64, u64) {
    let add = |n: u64| async move {
        match store.execute::<Jar>(&jar(&format!("jar-{n}")), JarCommand::Add(1), &command()).await {
            Ok(_) => (1, 0),
            Err(ExecuteError::Store(StoreError::OutcomeUnknown(_))) => (0, 1),
            Err(ExecuteError::Store(StoreError::Unavailable(_))) => (0, 0),
            Err(other) => unreachable!("{other:?}"),
        }
    };
    let told = join_all((0..jars).map(add)).await;
    told.into_iter().fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1))
}

/// Adds coins until the broker takes no more.
async fn fill_up(disk: &Disk, server: &Server, store: &EventStore) -> (u64, u64) {
    let (mut done, mut unknown) = (0, 0);
    disk.fill(300 << 10);
    let mut status = server.status();
    while !status.borrow_and_update().refuses_writes {
        let told = add_coins(store, 50).await;
        (done, unknown) = (done + told.0, unknown + told.1);
    }
    assert!(done > 0, "there was room for some");
    (done, unknown)
}

/// Makes room, awaits that writes go on, and holds the log against what was told.
async fn goes_on(disk: &Disk, server: Server, store: &EventStore, (done, unknown): (u64, u64)) {
    assert_eq!(server.status().borrow().restarts, 0, "not on a full disk");
    fs::remove_file(disk.ballast()).unwrap();
    let since = Instant::now();
    while let Err(error) = store.execute::<Jar>(&jar("last"), JarCommand::Add(1), &command()).await {
        assert!(since.elapsed() < Duration::from_secs(30), "writes do not go on: {error}");
    }
    assert_eq!(server.status().borrow().restarts, 1);
    let stored = raw::read(&server.url()).await.iter().filter(|line| line.jar != "last").count() as u64;
    assert!((done..=done + unknown).contains(&stored), "{stored} stored, {done} done, {unknown} unknown");
    server.stop().await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_writes_go_on_when_there_is_room_again() {
    let Some(disk) = Disk::mount(64) else { return };
    let (server, store) = log_on(disk.path()).await;
    let told = fill_up(&disk, &server, &store).await;
    let more = add_coins(&store, 3).await;
    assert_eq!(more.0, 0, "nothing is done while it is full");
    goes_on(&disk, server, &store, (told.0, told.1 + more.1)).await;
}

#[tokio::test]
async fn a_crash_on_a_full_disk_waits_for_room() {
    let Some(disk) = Disk::mount(64) else { return };
    let (server, store) = log_on(disk.path()).await;
    let told = fill_up(&disk, &server, &store).await;
    let mut status = server.status();
    server.kill().unwrap();
    status.wait_for(|status| !status.up).await.unwrap();
    assert_eq!(add_coins(&store, 3).await, (0, 0), "the broker is away");
    assert!(!status.borrow().up);
    goes_on(&disk, server, &store, told).await;
}
