//! The arrows between the crates, as the architecture draws them. A new crate, or a new arrow, is a decision: this
//! table is where it is taken.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may know whom. The program may know everybody.
const ARROWS: [(&str, &[&str]); 11] = [
    ("event-model", &[]),
    ("nats-launcher", &[]),
    ("domain", &["event-model"]),
    ("event-store", &["event-model"]),
    ("projections", &["event-model", "event-store"]),
    ("sagas", &["event-model", "event-store"]),
    ("command-api", &["domain", "event-model", "event-store", "projections", "sagas"]),
    // What their pages promise to other domains: no more than these is needed.
    ("your-own-domain", &["event-model", "event-store"]),
    ("your-own-saga", &["event-model", "event-store", "sagas"]),
    ("your-own-view", &["event-model", "event-store", "projections"]),
    (
        "jetsource",
        &["command-api", "domain", "event-model", "event-store", "nats-launcher", "projections", "sagas"],
    ),
];

/// All that the pure crates may name: what does I/O, reads a clock or draws a number is not among it.
const PURE: [&str; 9] =
    ["bytes", "event-model", "hmac", "serde", "serde_json", "sha2", "thiserror", "time", "uuid"];

/// What each crate of the workspace depends on, tests apart.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = Command::new(std::env::var_os("CARGO").unwrap())
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            (name(package), all.filter(|dependency| dependency["kind"] != "dev").map(name).collect())
        })
        .collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let crates = crates();
    let drawn: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    assert_eq!(there, drawn, "every crate of the workspace has its arrows in this table");
    for (name, allowed) in ARROWS {
        let known = crates[name].iter().map(String::as_str).filter(|known| there.contains(known));
        let wrong: Vec<_> = known.filter(|known| !allowed.contains(known)).collect();
        assert!(wrong.is_empty(), "{name} must not know {wrong:?}");
    }
}

#[test]
fn the_pure_crates_can_name_nothing_that_does_io() {
    let crates = crates();
    for name in ["event-model", "domain"] {
        let wrong: Vec<_> = crates[name].iter().filter(|known| !PURE.contains(&known.as_str())).collect();
        assert!(wrong.is_empty(), "{name} is pure and must not know {wrong:?}");
    }
}

#[test]
fn only_the_program_has_errors_without_a_type() {
    for (name, known) in crates() {
        assert!(
            name == "jetsource" || !known.contains("anyhow"),
            "{name} must have errors that callers can match"
        );
    }
}
