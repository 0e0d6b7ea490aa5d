//! What is noticed when the broker's files are damaged under the log, and what `jetsource log verify` says of a log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use harness::{Program, call, command, poll, send, stderr, stdout};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const USER: &str = "01900000-0000-7000-8000-000000000001";
/// Orders of so many lines fill the broker's blocks, of 8 MiB each, so that damage has messages behind it.
const ORDERS: u64 = 170;
const LINES: usize = 500;
const CASES: u64 = 12;

/// What `log verify --json` finds, and the code that it ends with.
fn verified(output: &Output) -> (Option<i32>, Value) {
    (output.status.code(), serde_json::from_str(&stdout(output)).unwrap_or_default())
}

fn import(program: &Program, commands: &[Value]) {
    let file = program.folder().join("commands.ndjson");
    let lines: Vec<String> = commands.iter().map(Value::to_string).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let output = program.call(&["import", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

fn user() -> Value {
    json!({"method": "POST", "path": "/users", "body": {"id": USER, "name": "Ann", "email": "ann@example.com"}})
}

#[tokio::test]
async fn a_good_log_is_told_in_numbers_and_what_others_wrote_is_listed() {
    let program = Program::start();
    let receipt = json!({"method": "POST", "path": "/stock/A-1/receipts", "body": {"quantity": 1}});
    import(&program, &[user(), receipt]);
    let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    context.publish("append.stock.A-1", "no event".into()).await.unwrap().await.unwrap();

    let (code, found) = verified(&program.call(&["log", "verify", "--json"]));
    assert_eq!(code, Some(0), "{found}");
    let categories = json!([
        {"category": "email", "events": 1, "entities": 1},
        {"category": "stock", "events": 1, "entities": 1},
        {"category": "user", "events": 1, "entities": 1},
    ]);
    assert_eq!((&found["ok"], &found["head"], &found["categories"]), (&json!(true), &json!(4), &categories));
    assert_eq!((&found["events"], &found["entities"]), (&json!(3), &json!(3)));
    let foreign = json!([{"position": 4, "subject": "events.stock.A-1", "reason": "it has no headers"}]);
    assert_eq!(found["foreign"], json!({"count": 1, "first": foreign}));
    assert_eq!(found["problems"], json!({"count": 0, "first": []}));
    let readers: Vec<_> = found["readers"].as_array().unwrap().iter().map(|reader| &reader["name"]).collect();
    let views = [
        "view activity",
        "view customers",
        "view orders",
        "view sagas",
        "view sales_by_article",
        "view sales_by_day",
        "view stock",
        "view users",
    ];
    assert_eq!(readers, views);

    let output = program.call(&["log", "verify"]);
    let text = stdout(&output);
    assert!(output.status.success() && text.contains("foreign messages: 1") && text.contains("problems: 0"));
    assert_eq!(stderr(&output), "", "no bar where no terminal is");
}

#[test]
fn a_log_that_is_not_that_of_the_views_is_told() {
    let (program, other) = (Program::start(), Program::start());
    import(&program, &[user()]);
    let data_dir = program.data_dir();
    let arguments = ["log", "verify", "--json", "--nats-url", other.nats(), "--data-dir"];
    let output = call(&[&arguments[..], &[data_dir.to_str().unwrap()]].concat());
    let (code, found) = verified(&output);
    assert_eq!((code, &found["ok"]), (Some(6), &json!(false)), "{found}");
    assert!(
        found["problems"]["first"][0]["problem"].as_str().unwrap().contains("the log ends at 0"),
        "{found}"
    );
    assert!(stderr(&output).starts_with("error: ") && stderr(&output).lines().count() == 1);
}

#[test]
fn without_a_broker_there_is_nothing_to_check() {
    let folder = tempfile::tempdir().unwrap();
    let output = call(&["log", "verify", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
}

#[test]
fn damage_to_the_blocks_is_never_served_in_silence() {
    let pristine = pristine();
    let mut told = Vec::new();
    for case in 0..CASES {
        let folder = tempfile::tempdir().unwrap();
        copy(&pristine.path().join("data"), folder.path());
        let damage = Damage::of(case, folder.path());
        damage.make();

        let noticed = match Serve::start(folder.path(), "api,projections") {
            Ok(serve) => serve.notices(),
            Err(ended) => Some(ended),
        };
        // A part of the program that keeps no mark, so that the log alone can tell.
        let alone = Serve::start(folder.path(), "api").unwrap_or_else(|line| panic!("{damage:?}: {line}"));
        let (code, found) = verified(&alone.verify());
        assert_eq!(code, Some(6), "{damage:?}: {found}");
        assert!(found["problems"]["first"][0]["position"].as_u64().unwrap() > 0, "{damage:?}: {found}");
        told.push(noticed.unwrap_or_else(|| panic!("{damage:?} is served in silence")));
    }
    let refused = told.iter().filter(|line| line.contains("\"ready\":false")).count();
    assert!(refused >= 3, "the program itself has noticed too little: {told:#?}");
}

/// A deployment that ended in order, with its log in more than one block.
fn pristine() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), "api,projections").unwrap();
    let sku = "x".repeat(58);
    let lines: Vec<_> =
        (0..LINES).map(|n| json!({"sku": format!("{sku}{n}"), "quantity": 1, "unit_price": 7})).collect();
    let order = |n: u64| {
        let id = format!("01900000-0000-7000-8000-{:012}", 100 + n);
        let body = json!({"id": id, "user_id": USER, "lines": lines});
        json!({"method": "POST", "path": "/orders", "body": body}).to_string()
    };
    let commands: Vec<String> = std::iter::once(user().to_string()).chain((0..ORDERS).map(order)).collect();
    let file = folder.path().join("commands.ndjson");
    fs::write(&file, commands.join("\n")).unwrap();
    let output = serve.call(&["import", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(verified(&serve.verify()).0, Some(0));
    drop(serve);
    assert!(blocks(folder.path()).len() > 1, "all lies in one block");
    folder
}

/// What is done to a block.
#[derive(Debug)]
struct Damage {
    block: PathBuf,
    at: u64,
    /// Cut off there, or one bit turned.
    cut: bool,
    /// As after a crash: the broker looks at the blocks, not at what it knew of them.
    without_index: bool,
}

impl Damage {
    /// One of each kind after the other, at a place that the number of the case draws.
    fn of(case: u64, folder: &Path) -> Self {
        let blocks = blocks(folder);
        let block = blocks[usize::try_from(case / 4).unwrap() % blocks.len()].clone();
        let at = drawn(case) % fs::metadata(&block).unwrap().len();
        Self { block, at, cut: case % 2 == 1, without_index: case % 4 >= 2 }
    }

    fn make(&self) {
        if self.cut {
            File::options().write(true).open(&self.block).unwrap().set_len(self.at).unwrap();
        } else {
            let mut bytes = fs::read(&self.block).unwrap();
            bytes[usize::try_from(self.at).unwrap()] ^= 1 << (self.at % 8);
            fs::write(&self.block, bytes).unwrap();
        }
        if self.without_index {
            fs::remove_file(self.block.with_file_name("index.db")).unwrap();
        }
    }
}

/// The block files of the log, the oldest first.
fn blocks(folder: &Path) -> Vec<PathBuf> {
    let accounts = fs::read_dir(folder.join("data/nats/jetstream")).unwrap();
    let messages = accounts.map(|account| account.unwrap().path().join("streams/EVENTS/msgs"));
    let folder = messages.into_iter().find(|folder| folder.exists()).unwrap();
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut blocks: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|kind| kind == "blk")).collect();
    blocks.sort_by_key(|file| file.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap());
    blocks
}

/// A number of which nothing is known, the same at every run (splitmix64).
fn drawn(case: u64) -> u64 {
    let mut z = (case + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// A program that may refuse to serve.
struct Serve {
    folder: PathBuf,
    child: Child,
}

impl Serve {
    /// Serves, or has ended with this line.
    fn start(folder: &Path, roles: &str) -> Result<Self, String> {
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--nats-port", "0", "--role", roles, "--data-dir"]);
        command.arg(folder.join("data")).stdout(Stdio::null());
        let child = command.stderr(File::create(folder.join("stderr")).unwrap()).spawn().unwrap();
        let mut serve = Self { folder: folder.to_owned(), child };
        let ready = folder.join("data/serve.json");
        let pid = format!("\"pid\":{}}}", serve.child.id());
        let started = poll(Duration::from_mins(1), || {
            let ready = fs::read_to_string(&ready).is_ok_and(|text| text.contains(&pid));
            serve.ended().or(ready.then(String::new))
        });
        match started.unwrap().as_str() {
            "" => Ok(serve),
            line => Err(line.to_owned()),
        }
    }

    /// The line with which it refused to go on over a log that is not as it must be.
    fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().unwrap()?;
        let said = fs::read_to_string(self.folder.join("stderr")).unwrap();
        assert!(status.code() == Some(6) && said.contains("position"), "{status}: {said}");
        said.lines().last().map(str::to_owned)
    }

    /// What says that the log is damaged: the program, which is not ready, or the check of the log.
    fn notices(self) -> Option<String> {
        let unready = poll(Duration::from_secs(1), || {
            let said = self.readyz();
            said.contains("\"ready\":false").then_some(said)
        });
        unready.or_else(|| {
            let output = self.verify();
            (output.status.code() == Some(6)).then(|| stderr(&output))
        })
    }

    fn readyz(&self) -> String {
        let told = fs::read(self.folder.join("data/serve.json")).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let address = told["http"].as_str().unwrap().strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut said = String::new();
        connection.read_to_string(&mut said).unwrap();
        said
    }

    fn verify(&self) -> Output {
        self.call(&["log", "verify", "--json"])
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let data_dir = self.folder.join("data");
        call(&[arguments, &["--data-dir", data_dir.to_str().unwrap()]].concat())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        send(self.child.id(), Signal::TERM);
        let _ = self.child.wait();
    }
}
