//! What people look after the real program with: the doctor, commands by hand, causes, metrics.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod doctor;
#[path = "../harness/mod.rs"]
pub mod harness;
mod sending;

use std::fs;
use std::process::Output;

use harness::{Program, stderr, stdout};
use serde_json::Value;

/// A slow machine under load does everything in less.
pub(crate) const LONG: std::time::Duration = std::time::Duration::from_secs(30);

/// Posts these commands, which are all accepted; returns once the lists show them.
#[track_caller]
pub(crate) fn import(program: &Program, commands: &[Value]) {
    let file = program.folder().join("commands.ndjson");
    fs::write(&file, commands.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")).unwrap();
    let output = program.call(&["import", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

/// The one JSON that a call has printed.
#[track_caller]
pub(crate) fn told(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}{}", stdout(output), stderr(output)))
}
