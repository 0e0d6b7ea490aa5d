//! `jetsource import` against the real program.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

pub mod harness;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::Duration;

use harness::{Program, command, poll, stderr, stdout};
use serde_json::{Value, json};
use uuid::Uuid;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn user(number: u128) -> Value {
    let (id, email) = (id(number), format!("user-{number}@example.com"));
    json!({"method": "POST", "path": "/users", "key": format!("user-{number}"),
        "body": {"id": id, "name": "Ann", "email": email, "credit_limit": 1_000_000}})
}

/// The user, then all that needs it and what came before.
fn journey(number: u128) -> Vec<Value> {
    let order = id(number + 1_000_000);
    let lines = json!([{"sku": format!("A-{number}"), "quantity": 2, "unit_price": 50}]);
    let key = |step: &str| format!("{step}-{number}");
    vec![
        user(number),
        json!({"method": "PUT", "path": format!("/users/{}", id(number)), "key": key("name"), "body": {"name": "Ben"}}),
        json!({"method": "POST", "path": format!("/stock/A-{number}/receipts"), "key": key("stock"),
            "body": {"quantity": 5}}),
        json!({"method": "POST", "path": "/orders", "key": key("order"),
            "body": {"id": order, "user_id": id(number), "lines": lines, "draft": true}}),
        json!({"method": "PUT", "path": format!("/orders/{order}"), "key": key("ship"), "body": {"ship_to": "here"}}),
        json!({"method": "POST", "path": format!("/orders/{order}/place"), "key": key("place")}),
    ]
}

fn text(lines: &[Value]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

fn import(program: &Program, text: &str, arguments: &[&str]) -> Output {
    let file = program.folder().join("commands.ndjson");
    fs::write(&file, text).unwrap();
    let mut all = vec!["import", file.to_str().unwrap()];
    all.extend(arguments);
    program.call(&all)
}

fn summary(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}{}", stdout(output), stderr(output)))
}

fn events(program: &Program) -> Vec<Value> {
    let output = program.call(&["events", "tail", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn list(program: &Program, path: &str) -> Vec<Value> {
    let url = format!("{}{path}", program.http());
    let answer = reqwest::Client::new().get(url).header("prefer", "wait=0").send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn lines_are_carried_out_side_by_side_and_in_order_where_one_needs_another() {
    let program = Program::start();
    let lines: Vec<Value> = (0..50).flat_map(journey).collect();
    let output = import(&program, &text(&lines), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let summary = summary(&output);
    assert_eq!((&summary["sent"], &summary["accepted"]), (&json!(300), &json!(300)));
    assert_eq!((&summary["refused"], &summary["failed"]), (&json!(0), &json!(0)));

    // Each had to wait for what it needs; the lists show it all, and nobody has to wait for them.
    let users = list(&program, "/users?limit=200").await;
    assert!(users.len() == 50 && users.iter().all(|user| user["name"] == "Ben"), "{users:?}");
    let orders = list(&program, "/orders?limit=200&status=placed").await;
    assert!(orders.len() == 50 && orders.iter().all(|order| order["ship_to"] == "here"), "{orders:?}");
    assert_eq!(list(&program, "/stock?limit=200").await.len(), 50);

    let before = events(&program);
    let again = import(&program, &text(&lines), &[]);
    assert_eq!(again.status.code(), Some(0));
    let said = stdout(&again);
    assert!(said.contains("accepted 300") && said.contains("300 had been accepted before"), "{said}");
    assert_eq!(events(&program), before, "a second run changes nothing");
}

#[test]
fn what_is_refused_is_listed_with_its_line_and_the_rest_goes_on() {
    let program = Program::start();
    let mut taken = user(2);
    taken["body"]["email"] = json!("USER-1@example.com");
    let lines = [
        user(1).to_string(),
        "{\"method\":\"POST\"".to_owned(),
        String::new(),
        taken.to_string(),
        json!({"method": "POST", "path": "/users", "body": {"name": "", "email": "x"}}).to_string(),
        "x".repeat(600_000),
        user(3).to_string(),
    ];
    let output = import(&program, &lines.join("\n"), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: 4 lines were refused"), "{}", stderr(&output));
    let summary = summary(&output);
    assert_eq!((&summary["sent"], &summary["accepted"]), (&json!(4), &json!(2)));
    let listed = summary["lines"].as_array().unwrap();
    let numbers: Vec<_> = listed.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 4, 5, 6]);
    let reason = |index: usize| listed[index]["reason"].as_str().unwrap();
    assert!(reason(1).starts_with("email-taken: ") && listed[1]["status"] == 409, "{summary}");
    assert!(reason(2).contains("/name") && reason(2).contains("/email"), "{summary}");
    assert!(reason(3).contains("512 KiB"), "{summary}");

    let output = import(&program, &lines.join("\n"), &[]);
    assert!(stdout(&output).contains("line 4 refused: 409 email-taken: "), "{}", stdout(&output));
}

#[test]
fn standard_input_is_read_as_it_comes() {
    let program = Program::start();
    let mut child = command()
        .args(["import", "-", "--data-dir", program.data_dir().to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", user(1)).unwrap();
    let stored = poll(Duration::from_secs(20), || (events(&program).len() == 2).then_some(()));
    assert!(stored.is_some(), "the first line waits for no other");
    write!(input, "{}", user(2)).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && stdout(&output).contains("accepted 2"), "{}", stdout(&output));
}

#[test]
fn an_import_outlives_the_death_of_the_program() {
    // A port of its own, so that the import finds the next program where the last one was.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut program = Program::start_with(&["--listen", &format!("127.0.0.1:{port}")]);
    let file = program.folder().join("commands.ndjson");
    let lines: Vec<Value> = (0..200).flat_map(journey).collect();
    fs::write(&file, text(&lines)).unwrap();
    let child = command()
        .args(["import", file.to_str().unwrap(), "--json", "--api", program.http()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for stored in [100, 600] {
        let reached = poll(Duration::from_mins(1), || (events(&program).len() >= stored).then_some(()));
        assert!(reached.is_some(), "the import does not get to {stored} events");
        program.kill();
        program.restart();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(summary(&output)["accepted"], 1200);
    // A user and its claim, its new name, a receipt, a draft, where it goes, and that it is placed.
    assert_eq!(events(&program).len(), 200 * 7, "nothing is lost, nothing is there twice");
}

#[test]
fn a_deployment_with_tokens_wants_one() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, "# who may call\ntill s3cret\n").unwrap();
    let program = Program::start_in(folder, &["--token-file", tokens.to_str().unwrap()]);
    let refused = import(&program, &text(&[user(1)]), &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--token-file"), "{}", stderr(&refused));
    let accepted = import(&program, &text(&[user(1)]), &["--token-file", tokens.to_str().unwrap()]);
    assert_eq!(accepted.status.code(), Some(0), "{}", stderr(&accepted));
    assert!(program.stderr().contains("Bearer TOKEN"), "the line to try says that it needs one");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let program = Program::start();
    let output = program.call(&["import", "/nonexistent.ndjson"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent.ndjson"));
}
