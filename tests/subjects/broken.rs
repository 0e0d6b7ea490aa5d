//! A log that is not as it must be: commands wait until somebody has repaired it; none is refused, none is lost.

use std::fs;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Program;
use crate::sender::{LONG, Sender, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_to_an_entity_of_a_newer_program_is_kept_and_told_once() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let id = Uuid::now_v7().to_string();
    let envelope = [
        ("Nats-Msg-Id", id.as_str()),
        ("ce-id", &id),
        ("ce-specversion", "1.0"),
        ("ce-source", "/jetsource"),
        ("ce-type", "stock-painted"),
        ("ce-subject", "stock/A"),
        ("ce-entityversion", "1"),
        ("ce-causationid", &id),
        ("ce-correlationid", &id),
    ];
    sender.append("stock.A", &envelope, "{}").await;
    sender.send("stock.A.receive", "a", r#"{"quantity":1}"#).await;
    eventually("it is told", async || program.stderr().contains("it is kept").then_some(())).await;
    let asked = sender.ask("stock.A.receive", None, r#"{"quantity":1}"#).await;
    assert_eq!(asked.error.map(|(code, _)| code), Some(500));
    assert!(
        asked.body["trace_id"].is_string() && !asked.body.to_string().contains("painted"),
        "{}",
        asked.body
    );
    // Others go on.
    sender.send("stock.B.receive", "b", r#"{"quantity":1}"#).await;
    eventually("only it waits", async || (sender.length("COMMANDS").await == 1).then_some(())).await;
    assert_eq!(program.stderr().matches("it is kept").count(), 1);
    assert_eq!((sender.types("stock.B").await.len(), sender.length("REJECTED").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_another_log_than_that_of_the_lists_commands_wait() {
    let mut program = Program::start();
    let sender = Sender::to(program.nats()).await;
    for _ in 0..3 {
        sender.ask("stock.A.receive", None, r#"{"quantity":1}"#).await;
    }
    program.terminate();
    fs::remove_dir_all(program.data_dir().join("nats")).unwrap();
    program.restart();
    let http = reqwest::Client::builder().no_proxy().timeout(LONG).build().unwrap();
    eventually("the log differs", async || {
        let ready = http.get(format!("{}/readyz", program.http())).send().await.unwrap();
        (ready.status() == 503).then_some(())
    })
    .await;
    let sender = Sender::to(program.nats()).await;
    sender.send("stock.A.receive", "a", r#"{"quantity":1}"#).await;
    let reply = sender.ask("stock.A.receive", Some("b"), r#"{"quantity":1}"#).await;
    assert_eq!(reply.body["type"], json!("/problems/unavailable"));
    let waiting: Vec<Value> =
        sender.stored("EVENTS", "events.>").await.iter().map(crate::sender::data).collect();
    assert!(waiting.is_empty(), "{waiting:?}");
    assert_eq!((sender.length("COMMANDS").await, sender.length("REJECTED").await), (1, 0));
}
