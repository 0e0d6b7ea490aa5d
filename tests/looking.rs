//! `jetsource show` and `jetsource events` on the log of the real program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use async_nats::HeaderMap;
use async_nats::jetstream;
use harness::{Program, command, stderr, stdout};
use serde_json::{Value, json};

const ID: &str = "01900000-0000-7000-8000-000000000001";

/// A program with one user of two versions, whose events are at 1, 2 (the claim) and 3.
fn program() -> Program {
    let program = Program::start();
    let user = json!({"id": ID, "name": "Ann", "email": "ann@example.com"});
    post(&program, &json!({"method": "POST", "path": "/users", "body": user}));
    post(&program, &json!({"method": "PUT", "path": format!("/users/{ID}"), "body": {"name": "Ben"}}));
    program
}

fn post(program: &Program, line: &Value) {
    let file = program.folder().join("line.ndjson");
    fs::write(&file, line.to_string()).unwrap();
    let output = program.call(&["import", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

#[track_caller]
fn lines(program: &Program, arguments: &[&str]) -> Vec<String> {
    let output = program.call(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

#[track_caller]
fn objects(program: &Program, arguments: &[&str]) -> Vec<Value> {
    let lines = lines(program, arguments);
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn not_found(program: &Program, arguments: &[&str], says: &str) {
    let output = program.call(arguments);
    assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", stderr(&output));
    let said = stderr(&output);
    assert!(said.starts_with("error: ") && said.lines().count() == 1 && said.contains(says), "{said}");
}

#[test]
fn an_entity_is_shown_as_it_is_and_as_it_was() {
    let program = program();
    let now = &objects(&program, &["show", "user", ID, "--json"])[0];
    assert_eq!((&now["version"], &now["position"]), (&json!(2), &json!(3)));
    assert_eq!((&now["view"]["name"], &now["view"]["version"]), (&json!("Ben"), &json!(2)));
    let types: Vec<_> = now["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["user-registered", "user-profile-changed"]);

    let was = &objects(&program, &["show", "user", ID, "--at-version", "1", "--json"])[0];
    assert_eq!((&was["view"]["name"], &was["version"]), (&json!("Ann"), &json!(1)));
    let first = now["events"][0]["time"].as_str().unwrap();
    let then = &objects(&program, &["show", "user", &ID.to_uppercase(), "--at", first, "--json"])[0];
    assert_eq!(then, was);

    let text = lines(&program, &["show", "user", ID]).join("\n");
    assert!(text.contains("\"name\": \"Ben\"") && text.contains("user-registered"), "{text}");
}

#[test]
fn each_event_says_what_it_changed() {
    let program = program();
    post(
        &program,
        &json!({"method": "PUT", "path": format!("/users/{ID}/credit-limit"), "body": {"amount": 5}}),
    );
    let now = &objects(&program, &["show", "user", ID, "--json"])[0];
    let of = |version: u64| -> Vec<Value> {
        let changes = now["changes"].as_array().unwrap().iter();
        changes.filter(|change| change["version"] == version).cloned().collect()
    };
    let registered: Vec<_> =
        of(1).iter().map(|change| change["field"].as_str().unwrap().to_owned()).collect();
    let fields = ["credit.available", "credit.limit", "credit.reserved", "email", "id", "name", "status"];
    assert_eq!(registered, fields);
    let name = json!({"position": 3, "version": 2, "field": "name", "from": "Ann", "to": "Ben"});
    assert_eq!(of(2), [name]);
    assert_eq!(of(3).len(), 2, "what is available follows the limit");
    let was = &objects(&program, &["show", "user", ID, "--at-version", "2", "--json"])[0];
    assert!(was["changes"].as_array().unwrap().iter().all(|change| change["version"] != 3));

    post(&program, &json!({"method": "DELETE", "path": format!("/users/{ID}")}));
    let text = lines(&program, &["show", "user", ID]);
    let after = |event: &str| text.iter().skip_while(|line| !line.contains(event)).nth(1).unwrap().trim();
    assert_eq!(after("user-profile-changed"), "name: \"Ann\" → \"Ben\"");
    assert_eq!(after("user-credit-limit-changed"), "credit.available: 100000 → 5");
    assert_eq!(after("user-deleted"), "credit.available: 5 → gone");
}

#[test]
fn what_is_gone_is_told_from_what_never_was() {
    let program = program();
    post(&program, &json!({"method": "DELETE", "path": format!("/users/{ID}")}));
    let text = lines(&program, &["show", "user", ID]).join("\n");
    assert!(text.contains("gone") && text.contains("user-deleted"), "{text}");
    not_found(&program, &["show", "user", "nobody"], "user/nobody");
    not_found(&program, &["show", "payment", "nothing"], "payment/nothing");
    not_found(&program, &["show", "user", ID, "--at-version", "9"], "the last is 3");
    not_found(&program, &["show", "user", ID, "--at", "2020-01-01T00:00:00Z"], "did not exist");
}

#[test]
fn the_log_is_printed_in_its_order_from_any_place() {
    let program = program();
    let all = objects(&program, &["events", "tail", "--json"]);
    let positions: Vec<_> = all.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, [1, 2, 3]);
    assert_eq!(objects(&program, &["events", "tail", "--json", "--from", "3"]), all[2..]);
    assert!(lines(&program, &["events", "tail", "--from", "end"]).is_empty());
    assert_eq!(objects(&program, &["events", "tail", "--json", "--category", "email"]), all[1..2]);
    not_found(&program, &["events", "tail", "--from", "5"], "ends at 3");

    let id = all[1]["id"].as_str().unwrap();
    assert_eq!(objects(&program, &["events", "get", "3", id, "--json"]), [all[2].clone(), all[1].clone()]);
    not_found(&program, &["events", "get", "1", "99", ID], &format!("99, {ID}"));
}

#[test]
fn a_follower_sees_what_comes_until_it_closes_its_ears() {
    let program = program();
    let mut follower = command()
        .args(["events", "tail", "--follow", "--from", "1", "--json", "--nats-url", program.nats()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(heard.by_ref().take(3).last().unwrap().contains("user-profile-changed"));
    post(&program, &json!({"method": "POST", "path": "/stock/A-1/receipts", "body": {"quantity": 1}}));
    assert!(heard.next().unwrap().contains("stock-received"));
    drop(heard);
    post(&program, &json!({"method": "POST", "path": "/stock/A-1/receipts", "body": {"quantity": 2}}));
    let output = follower.wait_with_output().unwrap();
    assert!(output.status.success(), "a closed pipe is no failure: {}", stderr(&output));
}

#[tokio::test]
async fn what_others_put_on_the_log_is_shown_too() {
    let program = program();
    let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("ce-id", "01900000-0000-7000-8000-0000000000ff");
    headers.insert("ce-type", "payment-authorised");
    headers.insert("ce-time", "2026-01-31T12:00:00Z");
    let payment = context.publish_with_headers("append.payment.p-1", headers, "{\"amount\":5}".into());
    payment.await.unwrap().await.unwrap();
    context.publish("append.payment.p-1", "no event".into()).await.unwrap().await.unwrap();

    let tail = objects(&program, &["events", "tail", "--category", "payment", "--json"]);
    assert_eq!((&tail[0]["type"], &tail[0]["version"]), (&json!("payment-authorised"), &Value::Null));
    assert!(tail[1]["not_an_event"].is_string(), "{tail:?}");
    let shown = &objects(&program, &["show", "payment", "p-1", "--json"])[0];
    assert_eq!((&shown["view"], &shown["events"][0]["data"]), (&Value::Null, &json!({"amount": 5})));
}

#[test]
fn looking_changes_nothing_of_the_deployment() {
    let program = Program::start_with(&["--key-retention", "7d"]);
    assert!(lines(&program, &["events", "tail"]).is_empty());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let age = runtime.block_on(async {
        let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
        context.get_stream("KEYS").await.unwrap().cached_info().config.max_age
    });
    assert_eq!(age, std::time::Duration::from_hours(7 * 24));
}
