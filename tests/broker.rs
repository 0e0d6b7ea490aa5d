//! `jetsource serve` on a broker that runs elsewhere: which it takes, and what it does when that one goes away.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

pub mod harness;

use harness::{Program, call, runs, stderr};
use nats_launcher::{CONFIG, Options, Server, find};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROMISE: &str = "sync_interval: always";

async fn broker(config: String) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let binary = std::env::var_os("JETSOURCE_NATS_SERVER").map(std::path::PathBuf::from);
    let mut options = Options::new(find(binary.as_deref(), &[]).unwrap(), folder.path());
    options.config = config;
    (folder, Server::start(options).await.unwrap())
}

fn refused(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let output = call(&["serve", "--listen", "127.0.0.1:0", "--nats-url", url, "--data-dir", data_dir]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let said = stderr(&output);
    said.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

async fn post_user(program: &Program, email: &str) -> Value {
    let body = json!({"name": "Ann", "email": email}).to_string();
    let post =
        Client::new().post(format!("{}/users", program.http())).header("content-type", "application/json");
    let answer = post.body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn one_that_syncs_every_acknowledgement_is_taken_and_outlives_the_program() {
    let (_folder, server) = broker(CONFIG.to_owned()).await;
    let mut program = Program::start_with(&["--nats-url", &server.url()]);
    assert_eq!(program.nats(), server.url());
    assert!(program.broker_pid().is_none(), "it starts none of its own");
    post_user(&program, "ann@example.com").await;
    program.terminate();
    assert!(runs(server.pid()));
    server.stop().await;
}

#[tokio::test]
async fn one_that_syncs_now_and_then_is_taken_only_when_told_so() {
    let (_folder, server) = broker(CONFIG.replace(PROMISE, "sync_interval: \"2m\"")).await;
    let line = refused(&server.url());
    assert!(line.contains("sync_interval: always") && line.contains("--allow-lazy-sync"), "{line}");
    let program = Program::start_with(&["--nats-url", &server.url(), "--allow-lazy-sync"]);
    assert!(program.stderr().contains("LAZY"), "{}", program.stderr());
    drop(program);
    server.stop().await;
}

#[tokio::test]
async fn one_that_does_not_tell_is_taken_only_when_told_so() {
    let config = "listen: x\nhttp: x\njetstream {\n  store_dir: x\n  sync_interval: always\n}\n";
    let (_folder, server) = broker(config.to_owned()).await;
    let line = refused(&server.url());
    assert!(line.contains("$SYS.REQ.SERVER.PING.JSZ") && line.contains("deploy/nats.conf"), "{line}");
    let program = Program::start_with(&["--nats-url", &server.url(), "--allow-lazy-sync"]);
    assert!(program.stderr().contains("UNKNOWN"), "{}", program.stderr());
    drop(program);
    server.stop().await;
}

#[tokio::test]
async fn one_without_jetstream_is_refused() {
    let (_folder, server) = broker("listen: x\nhttp: x\n".to_owned()).await;
    let line = refused(&server.url());
    assert!(line.contains("JetStream"), "{line}");
    server.stop().await;
}

#[tokio::test]
async fn a_broker_that_went_away_does_not_keep_the_program_from_ending() {
    let (_folder, server) = broker(CONFIG.to_owned()).await;
    let mut program = Program::start_with(&["--nats-url", &server.url()]);
    post_user(&program, "ann@example.com").await;
    server.pause().unwrap();
    tokio::task::spawn_blocking(move || program.terminate()).await.unwrap();
    server.resume().unwrap();
    server.stop().await;
}
