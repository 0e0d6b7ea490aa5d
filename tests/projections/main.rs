//! `jetsource projections` on the real program: what operators see of the read models, what they do with them, and what
//! crashes leave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod crashes;
#[path = "../harness/mod.rs"]
pub mod harness;
mod looking;
#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[path = "../../projections/tests/place/mod.rs"]
pub mod place;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

pub(crate) use harness::UnderWay;
use harness::{Program, poll, stderr, stdout};
use rusqlite::Connection;
use serde_json::{Value, json};

pub(crate) const LONG: Duration = Duration::from_secs(30);
pub(crate) const EVENTS: u64 = 5000;

pub(crate) fn receipts(count: u64) -> Vec<Value> {
    let path = |n: u64| format!("/stock/article-{}/receipts", n % 700);
    (0..count).map(|n| json!({"method": "POST", "path": path(n), "body": {"quantity": 1 + n % 9}})).collect()
}

pub(crate) fn import_file(program: &Program, commands: &[Value]) -> PathBuf {
    let file = program.folder().join("commands.ndjson");
    fs::write(&file, commands.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")).unwrap();
    file
}

pub(crate) fn import(program: &Program, commands: &[Value]) {
    let output = program.call(&["import", import_file(program, commands).to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

pub(crate) fn told(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}{}", stdout(output), stderr(output)))
}

pub(crate) fn views(program: &Program) -> PathBuf {
    program.data_dir().join("views.sqlite")
}

pub(crate) fn open(path: &Path) -> Connection {
    let file = Connection::open(path).unwrap();
    file.busy_timeout(LONG).unwrap();
    file
}

#[track_caller]
pub(crate) fn verified(program: &Program, view: &str) -> (Option<i32>, Value) {
    let output = program.call(&["projections", "verify", view, "--json"]);
    (output.status.code(), serde_json::from_str(&stdout(&output)).unwrap_or(json!(stderr(&output))))
}

#[track_caller]
pub(crate) fn equal(program: &Program) {
    for view in ["users", "orders", "stock"] {
        is_equal(program, view);
    }
}

/// Its rows are the fold of the log.
#[track_caller]
pub(crate) fn is_equal(program: &Program, view: &str) {
    let (code, found) = verified(program, view);
    assert_eq!((code, &found["different"]), (Some(0), &json!(0)), "{view}: {found}");
}

pub(crate) fn status(program: &Program, view: &str) -> Value {
    let all = told(&program.call(&["projections", "status", "--json"]));
    all.as_array().unwrap().iter().find(|report| report["view"] == view).unwrap().clone()
}

/// Returns once every read model is.
pub(crate) fn caught_up(program: &Program) {
    let all = poll(LONG, || {
        let output = program.call(&["projections", "status", "--json"]);
        let all: Value = serde_json::from_str(&stdout(&output)).unwrap_or_default();
        let all = all.as_array().filter(|all| all.len() >= 3)?;
        all.iter().all(|report| report["behind"] == 0 && report["rebuild"].is_null()).then_some(())
    });
    assert!(all.is_some(), "{}", program.stderr());
}

/// A program with a log of 5,000 events.
pub(crate) fn filled() -> Program {
    let program = Program::start();
    import(&program, &receipts(EVENTS));
    program
}
