//! A server is up, durable, supervised, and gone when asked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "plain/client.rs"]
mod client;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use client::jetstream_settings;
use nats_launcher::{Options, Port, Server, find};

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(stat.rsplit(") ").next().unwrap_or_default().chars().next(), None | Some('Z' | 'X'))
}

#[tokio::test]
async fn a_client_can_see_that_every_write_is_synced() {
    let server = Server::throwaway().await.unwrap();
    let settings = &jetstream_settings(server.port())["data"]["config"];
    assert_eq!(settings["sync_always"], true);
    assert_eq!(Path::new(settings["store_dir"].as_str().unwrap()), server.dir().join("jetstream"));
    assert!(server.monitoring_url().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port() {
    let server = Server::throwaway().await.unwrap();
    for times in 1..=3 {
        let before = server.pid();
        server.kill().unwrap();
        server.restarted(times).await;
        assert_ne!(server.pid(), before);
        let lock = File::open(server.dir().join("nats-server.lock")).unwrap();
        assert!(lock.try_lock().is_err(), "the new server holds the lock too");
        assert_eq!(jetstream_settings(server.port())["data"]["config"]["sync_always"], true);
    }
    let after = server.status().borrow().clone();
    assert_eq!((after.up, after.restarts), (true, 3));
}

#[tokio::test]
async fn ctrl_c_does_not_reach_the_server_of_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(find(None, &[]).unwrap(), folder.path())).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap());
    assert_ne!(rustix::process::getpgid(pid).unwrap(), rustix::process::getpgrp());
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_its_store_stays() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(find(None, &[]).unwrap(), folder.path());
    let server = Server::start(options.clone()).await.unwrap();
    let first = server.pid();
    server.stop().await;
    assert!(!is_running(first));
    assert!(!folder.path().join("nats-server.json").exists());
    let server = Server::start(options).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_paused_server_can_be_stopped_in_time() {
    let server = Server::throwaway().await.unwrap();
    let pid = server.pid();
    server.pause().unwrap();
    tokio::time::timeout(Duration::from_secs(5), server.stop()).await.unwrap();
    assert!(!is_running(pid));
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder_even_when_paused() {
    let server = Server::throwaway().await.unwrap();
    let (pid, folder) = (server.pid(), server.dir().to_owned());
    server.pause().unwrap();
    drop(server);
    assert!(!is_running(pid));
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_paused_server_goes_on_when_resumed() {
    let server = Server::throwaway().await.unwrap();
    server.pause().unwrap();
    server.resume().unwrap();
    assert_eq!(jetstream_settings(server.port())["data"]["config"]["sync_always"], true);
}

#[tokio::test]
async fn a_port_that_is_taken_gives_way_to_a_free_one() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(find(None, &[]).unwrap(), folder.path());
    options.port = Port::Preferred(port);
    let server = Server::start(options.clone()).await.unwrap();
    assert_ne!(server.port(), port);
    server.stop().await;
    drop(taken);
    let server = Server::start(options).await.unwrap();
    assert_eq!(server.port(), port);
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(find(None, &[]).unwrap(), folder.path());
    options.config.push_str("\nno_such_setting: true\n");
    let line = Server::start(options).await.unwrap_err().to_string();
    assert!(line.contains("no_such_setting"), "{line}");
    assert!(!line.contains('\n'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_run_side_by_side() {
    let starts: Vec<_> = (0..8).map(|_| tokio::spawn(Server::throwaway())).collect();
    let mut ports = std::collections::BTreeSet::new();
    let mut servers = Vec::new();
    for start in starts {
        let server = start.await.unwrap().unwrap();
        ports.insert(server.port());
        servers.push(server);
    }
    assert_eq!(ports.len(), 8);
}
