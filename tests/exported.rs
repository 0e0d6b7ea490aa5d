//! `jetsource events export` and `import`: a log goes out to a file, and onto another broker as it was.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use harness::{Program, command, stderr, stdout};
use serde_json::{Value, json};

const ID: &str = "01900000-0000-7000-8000-000000000001";

/// A program with a log, and its export with the key of its claims.
struct Exported {
    program: Program,
    file: PathBuf,
    key: PathBuf,
}

fn post(program: &Program, lines: &[Value]) {
    let file = program.folder().join("lines.ndjson");
    let lines: Vec<_> = lines.iter().map(Value::to_string).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let output = program.call(&["import", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

fn receipt(sku: &str) -> Value {
    json!({"method": "POST", "path": format!("/stock/{sku}/receipts"), "body": {"quantity": 1}})
}

impl Exported {
    fn log() -> Self {
        let program = Program::start();
        let user = json!({"id": ID, "name": "Ann", "email": "ann@example.com"});
        post(&program, &[json!({"method": "POST", "path": "/users", "body": user})]);
        post(
            &program,
            &[json!({"method": "PUT", "path": format!("/users/{ID}"), "body": {"email": "b@example.com"}})],
        );
        post(&program, &(0..30).map(|number| receipt(&format!("s-{}", number % 7))).collect::<Vec<_>>());
        let (file, key) = (program.folder().join("log.ndjson"), program.folder().join("claims.key"));
        let output =
            program.call(&["events", "export", file.to_str().unwrap(), "--claim-key", key.to_str().unwrap()]);
        assert!(output.status.success(), "{}", stderr(&output));
        Self { program, file, key }
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.file).unwrap().lines().map(str::to_owned).collect()
    }

    fn import_into(&self, other: &Program) -> Output {
        self.import(other, &self.file)
    }

    fn import(&self, other: &Program, file: &std::path::Path) -> Output {
        other.call(&["events", "import", file.to_str().unwrap(), "--claim-key", self.key.to_str().unwrap()])
    }
}

fn printed(program: &Program) -> Vec<String> {
    let output = program.call(&["events", "export"]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).lines().map(str::to_owned).collect()
}

#[track_caller]
fn verified(program: &Program) {
    let output = program.call(&["log", "verify"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
    assert!(
        format!("{}{}", stdout(output), stderr(output)).contains(says),
        "{}{}",
        stdout(output),
        stderr(output)
    );
}

#[test]
fn a_log_goes_to_another_broker_as_it_was() {
    let log = Exported::log();
    let lines = log.lines();
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&first["specversion"], &first["position"], &first["part"]),
        (&json!("1.0"), &json!(1), &json!("1/2"))
    );
    let mut other = Program::start();
    ended(&log.import_into(&other), 0, &format!("imported {}, there already 0", lines.len()));
    assert_eq!(printed(&other), lines);
    verified(&log.program);
    // Whoever serves on it has the key of its claims from its next start on.
    other.terminate();
    other.restart();
    verified(&other);
    let taken =
        json!({"method": "POST", "path": "/users", "body": {"name": "Eve", "email": "B@example.com"}});
    fs::write(other.folder().join("taken.ndjson"), taken.to_string()).unwrap();
    let file = other.folder().join("taken.ndjson");
    ended(&other.call(&["import", file.to_str().unwrap()]), 1, "409");
    let shown = stdout(&other.call(&["show", "user", ID, "--json"]));
    assert!(shown.contains("\"email\":\"b@example.com\""), "{shown}");
    post(&other, &[receipt("s-1")]);
    verified(&other);
}

#[test]
fn the_same_import_again_goes_on_where_the_first_ended() {
    let log = Exported::log();
    let lines = log.lines();
    let other = Program::start();
    let part = other.folder().join("part.ndjson");
    fs::write(&part, lines[..10].join("\n")).unwrap();
    ended(&log.import(&other, &part), 0, "imported 10, there already 0");
    ended(&log.import_into(&other), 0, &format!("imported {}, there already 10", lines.len() - 10));
    ended(&log.import_into(&other), 0, &format!("imported 0, there already {}", lines.len()));
    assert_eq!(printed(&other), lines);
    verified(&other);
}

#[test]
fn what_would_not_be_the_same_log_is_refused() {
    let log = Exported::log();
    let lines = log.lines();
    let used = Program::start();
    post(&used, &[receipt("tea")]);
    ended(&log.import_into(&used), 4, "not empty");
    assert_eq!(printed(&used).len(), 1);

    let other = Program::start();
    let file = other.folder().join("wrong.ndjson");
    let import = |text: String| {
        fs::write(&file, text).unwrap();
        log.import(&other, &file)
    };
    ended(&import(lines[..1].join("\n")), 1, "part 1/2");
    ended(&import(lines[2..].join("\n")), 1, "--renumber");
    ended(&import("{}".into()), 1, "line 1");
    ended(&other.call(&["events", "import", log.file.to_str().unwrap()]), 1, "--claim-key");
    ended(&other.call(&["events", "import", "/nonexistent"]), 2, "/nonexistent");
    assert!(printed(&other).is_empty(), "nothing was stored");
    // Versions must follow: a part of one entity is no log.
    let stock: Vec<_> = lines.iter().filter(|line| line.contains("stock/s-1")).cloned().collect();
    fs::write(&file, stock[1..].join("\n")).unwrap();
    ended(
        &other.call(&["events", "import", file.to_str().unwrap(), "--renumber"]),
        1,
        "version 2, 1 follows",
    );
    fs::write(&file, stock.join("\n")).unwrap();
    ended(&other.call(&["events", "import", file.to_str().unwrap(), "--renumber"]), 0, "there already 0");
    verified(&other);
}

#[test]
fn an_export_is_filtered_continued_and_followed() {
    let log = Exported::log();
    let lines = log.lines();
    let export = |arguments: &[&str]| {
        let output = log.program.call(&[&["events", "export"], arguments].concat());
        stdout(&output).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(export(&["--after", "5"]), lines[5..]);
    assert!(export(&["--category", "user,email"]).iter().all(|line| !line.contains("stock/")));
    assert_eq!(export(&["--entity", &format!("user/{ID}"), "--type", "user-registered"]), lines[..1]);
    ended(&log.program.call(&["events", "export", "--after", "999"]), 3, "position 999 is not on the log");

    let file = log.program.folder().join("in-pieces.ndjson");
    let path = file.to_str().unwrap();
    let first = ["--entity", &format!("user/{ID}"), "--type", "user-registered"];
    for arguments in [&first[..], &["--after", "1"]] {
        export(&[&[path], arguments].concat());
    }
    assert_eq!(fs::read_to_string(&file).unwrap().lines().collect::<Vec<_>>(), lines);

    let mut follower = command()
        .args(["events", "export", "--follow", "--after", "4", "--nats-url", log.program.nats()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(heard.next().unwrap(), lines[4]);
    post(&log.program, &[receipt("late")]);
    assert!(heard.any(|line| line.contains("stock/late")));
    follower.kill().unwrap();
    follower.wait().unwrap();
}
