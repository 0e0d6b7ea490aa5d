//! `jetsource rejected`: what was refused is looked at, sent again, dropped.

use std::process::Output;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Program, call, stderr, stdout};
use crate::sender::Sender;

#[track_caller]
fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

fn list(program: &Program, more: &[&str]) -> Vec<Value> {
    let text = ok(&program.call(&[&["rejected", "list", "--json"], more].concat()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_listed_and_shown() {
    let program = Program::start();
    assert_eq!(ok(&program.call(&["rejected", "list"])), "");
    let sender = Sender::to(program.nats()).await;
    sender.send("stock.A=2E1.paint", "first", r#"{ "colour": "red" }"#).await;
    sender.all_done().await;
    sender.send("stock.A", "second", "{oh").await;
    sender.all_done().await;

    let text = ok(&program.call(&["rejected", "list"]));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("SEQ  TIME"));
    assert!(
        lines[1].starts_with("1    ") && lines[1].contains("stock/A.1") && lines[1].contains("paint"),
        "{text}"
    );
    assert!(lines[1].contains("not-found") && lines[1].contains("has no command"), "{text}");
    assert!(lines[2].starts_with("2 ") && lines[2].contains("malformed-request"), "{text}");

    let both = list(&program, &[]);
    assert_eq!((&both[0]["sequence"], &both[1]["sequence"]), (&json!(1), &json!(2)));
    assert_eq!((&both[0]["category"], &both[0]["entity_id"]), (&json!("stock"), &json!("A.1")));
    assert_eq!((&both[0]["command"], &both[0]["headers"]["Nats-Msg-Id"]), (&json!("paint"), &json!("first")));
    assert_eq!(both[0]["problem"]["command"], json!({"colour": "red"}));
    assert_eq!(list(&program, &["--limit", "1"]), both[1..]);

    let shown = ok(&program.call(&["rejected", "show", "1"]));
    assert!(shown.contains("Nats-Msg-Id: first") && shown.contains("\"colour\": \"red\""), "{shown}");
    let shown = ok(&program.call(&["rejected", "show", "1", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), both[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_can_be_done_now_is_done_once_and_gone() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (user, order) = (sender.user().await, Uuid::now_v7());
    let change = format!("order.{order}.change");
    sender.send(&change, "change", r#"{ "ship_to" : "Turin" }"#).await;
    sender.all_done().await;

    let early = program.call(&["rejected", "retry", "1"]);
    assert_eq!(early.status.code(), Some(1), "{}", stderr(&early));
    assert!(stdout(&early).contains("/problems/not-found"), "{}", stdout(&early));
    assert_eq!(list(&program, &[]).len(), 1, "it stays");

    let body = json!({"user_id": user, "lines": []}).to_string();
    sender.ask(&format!("order.{order}.draft"), None, &body).await;
    let done = ok(&program.call(&["rejected", "retry", "1"]));
    assert!(done.contains("\"version\":2"), "{done}");
    assert_eq!(sender.types(&format!("order.{order}")).await, ["order-drafted", "order-ship-to-changed"]);
    assert!(list(&program, &[]).is_empty());
    assert_eq!(program.call(&["rejected", "retry", "1"]).status.code(), Some(3));
    // Its sender tries once more, too.
    sender.send_again(&change, "change", r#"{ "ship_to" : "Turin" }"#).await;
    sender.all_done().await;
    assert_eq!(sender.types(&format!("order.{order}")).await.len(), 2);
    assert!(list(&program, &[]).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_without_an_id_is_done_once_too() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    sender.publish("stock.A.receive", &[], r#"{"quantity":1}"#).await.unwrap().await.unwrap();
    sender.all_done().await;
    assert!(ok(&program.call(&["rejected", "retry", "1"])).contains("\"version\":1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_dropped() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    for number in 0..3 {
        sender.send("stock.A.paint", &number.to_string(), "{}").await;
        sender.all_done().await;
    }
    for (number, left) in [("2", &[1, 3][..]), ("3", &[1])] {
        ok(&program.call(&["rejected", "drop", number]));
        let there: Vec<_> =
            list(&program, &["--limit", "2"]).iter().map(|one| one["sequence"].clone()).collect();
        assert_eq!(there, left);
    }
    for call in [["rejected", "drop", "2"], ["rejected", "show", "2"], ["rejected", "retry", "99"]] {
        let none = program.call(&call);
        assert_eq!(none.status.code(), Some(3), "{call:?}: {}", stderr(&none));
        assert!(stderr(&none).contains("jetsource rejected list"));
    }
}

#[test]
fn where_nobody_serves_nothing_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for more in [&["list"][..], &["show", "1"], &["retry", "1"], &["drop", "1"]] {
        let mut arguments = vec!["rejected"];
        arguments.extend(more);
        arguments.extend(["--data-dir", folder.path().to_str().unwrap()]);
        let output = call(&arguments);
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_answers_requests_a_retry_says_so() {
    let mut program = Program::start();
    let sender = Sender::to(program.nats()).await;
    sender.send("stock.A.paint", "a", "{}").await;
    sender.all_done().await;
    let broker = program.nats().to_owned();
    // Its broker stays for a while.
    program.kill();
    let output = call(&["rejected", "retry", "1", "--nats-url", &broker]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("role api"), "{}", stderr(&output));
}
