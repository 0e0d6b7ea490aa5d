//! `jetsource command send`: to the queue, or to whoever answers.

use serde_json::{Value, json};

use crate::harness::{Program, poll, stderr, stdout};
use crate::{LONG, told};

#[track_caller]
fn refused(program: &Program, arguments: &[&str], code: i32, says: &str) {
    let output = program.call(&[&["command", "send"], arguments].concat());
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.starts_with("error: ") && said.lines().count() == 1 && said.contains(says), "{said}");
}

fn on_hand(program: &Program) -> Value {
    let shown = program.call(&["show", "stock", "tea.1", "--json"]);
    if shown.status.success() { told(&shown)["view"]["on_hand"].clone() } else { Value::Null }
}

#[test]
fn a_command_on_the_queue_is_carried_out_once_under_its_id() {
    let program = Program::start();
    let send = ["command", "send", "stock", "tea.1", "receive", "--body", r#"{"quantity":3}"#];
    let sent = program.call(&send);
    let said = stdout(&sent);
    assert!(sent.status.success(), "{}", stderr(&sent));
    let id = said.split("--id ").nth(1).unwrap().split(' ').next().unwrap();
    let again = told(&program.call(&[&send[..], &["--id", id, "--json"]].concat()));
    assert_eq!(again, json!({"id": id}));
    // A third one, under an id of its own, comes after both.
    assert!(program.call(&send).status.success());
    poll(LONG, || (on_hand(&program) == 6).then_some(())).unwrap_or_else(|| panic!("{}", on_hand(&program)));
}

#[test]
fn who_waits_hears_what_came_of_it() {
    let program = Program::start();
    let send = ["command", "send", "stock", "tea.1", "receive", "--body", r#"{"quantity":3}"#, "--wait"];
    let first = told(&program.call(&[&send[..], &["--id", "a", "--json"]].concat()));
    assert_eq!(first, json!({"id": "a", "version": 1, "position": 1}));
    let again = stdout(&program.call(&[&send[..], &["--id", "a"]].concat()));
    assert_eq!(again, "stock/tea.1 is at version 1, position 1\n");

    let nobody = "01900000-0000-7000-8000-000000000001";
    refused(&program, &["order", nobody, "confirm", "--wait"], 3, "not-found");
    refused(&program, &["stock", "tea", "receive", "--wait"], 2, "/quantity");
    refused(&program, &["stock", "tea", "brew", "--wait"], 3, "not-found");
    refused(&program, &["stock", "tea", "receive", "--body", "[]"], 2, "--body");
    refused(&program, &["stock", "tea", "receive", "--id", "a b"], 2, "--id");
    refused(&program, &["teapot", "1", "brew"], 2, "no queue takes commands to teapot");
    refused(&program, &["teapot", "1", "brew", "--wait"], 5, "nobody answers");
    let reused = ["stock", "tea.1", "receive", "--body", r#"{"quantity":4}"#, "--wait", "--id", "a"];
    refused(&program, &reused, 2, "idempotency-key-reused");
}
