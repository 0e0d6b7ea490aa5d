//! `jetsource backup` and `restore`, as the drill that an operator does: fill, back up, destroy, restore, the same answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use event_store::backup::Message;
use event_store::{Connection, EventStore, Settings};
use harness::{Program, call, poll, stderr, stdout};
use nats_launcher::Server;
use reqwest::Method;
use serde_json::{Value, json};

const USER: &str = "01900000-0000-7000-8000-000000000001";
/// A participant that nobody is: orders wait for it.
const ROLES: [&str; 6] =
    ["--role", "api,projections,sagas", "--checkout-participants", "payment", "--checkout-deadline", "1h"];

/// Calls of the API of a program.
struct Caller<'a>(&'a Program);

impl Caller<'_> {
    /// Status, whether it was replayed, and body.
    async fn asks(&self, method: Method, path: &str, key: Option<&str>, body: Value) -> (u16, bool, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.0.http()));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, replayed) =
            (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed"));
        let text = answer.text().await.unwrap();
        (status, replayed, serde_json::from_str(&text).unwrap())
    }

    async fn does(&self, path: &str, key: Option<&str>, body: Value) -> Value {
        let (status, _, answer) = self.asks(Method::POST, path, key, body).await;
        assert!(status < 300, "{status} {answer}");
        answer
    }

    async fn gets(&self, path: &str) -> Value {
        let (status, _, answer) = self.asks(Method::GET, path, None, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// An order of one teapot, whose checkout has asked all that take part.
    async fn orders(&self, key: &str) -> String {
        let line = json!({"sku": "teapot", "quantity": 1, "unit_price": 5});
        let order = self.does("/orders", Some(key), json!({"user_id": USER, "lines": [line]})).await;
        let id = order["id"].as_str().unwrap().to_owned();
        self.comes(&format!("/orders/{id}"), |order| order["version"] == json!(1)).await;
        self.comes("/stock/teapot", |stock| stock["reserved"].as_u64() >= Some(1)).await;
        id
    }

    /// Asks until it is so.
    async fn comes(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.gets(path).await;
            if is_so(&answer) {
                return answer;
            }
            assert!(tokio::time::Instant::now() < deadline, "{path}: {answer}");
            tokio::task::yield_now().await;
        }
    }

    /// All that can be asked for about these orders.
    async fn all(&self, orders: &[String]) -> Vec<Value> {
        let mut paths: Vec<String> =
            ["/users", "/orders", "/stock", "/stock/teapot"].map(str::to_owned).into();
        paths.extend([format!("/users/{USER}"), format!("/users/{USER}/events")]);
        for order in orders {
            paths.extend([format!("/orders/{order}"), format!("/orders/{order}/events")]);
            paths.push(format!("/sagas/checkout/{order}"));
        }
        let mut all = Vec::new();
        for path in paths {
            all.push(self.gets(&path).await);
        }
        all
    }
}

/// How many messages each stream holds, and where the log ends.
async fn counts(program: &Program) -> (Vec<(String, u64)>, u64) {
    let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    let mut counts = Vec::new();
    for name in ["EVENTS", "KEYS", "COMMANDS", "DEADLINES", "REJECTED"] {
        let stream = context.get_stream(name).await.unwrap();
        counts.push((name.to_owned(), stream.cached_info().state.messages));
    }
    let end = context.get_stream("EVENTS").await.unwrap().cached_info().state.last_sequence;
    (counts, end)
}

async fn refused(program: &Program) {
    let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "wrong-1");
    let sent = context.publish_with_headers("commands.stock.teapot.receive", headers, "{}".into()).await;
    sent.unwrap().await.unwrap();
    let listed = || stdout(&program.call(&["rejected", "list"])).contains("receive").then_some(());
    poll(Duration::from_secs(30), listed).unwrap();
}

#[track_caller]
fn ended(output: &Output, code: i32, says: &str) -> String {
    let said = format!("{}{}", stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said}");
    said
}

fn backed_up(program: &Program, folder: &Path) -> BTreeSet<String> {
    ended(&program.call(&["backup", folder.to_str().unwrap()]), 0, "backed up to position");
    pieces(folder)
}

fn pieces(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".ndjson")).collect()
}

fn of<'a>(stream: &str, pieces: &'a BTreeSet<String>) -> Vec<&'a String> {
    pieces.iter().filter(|piece| piece.starts_with(&format!("{stream}-"))).collect()
}

fn restored(backup: &Path, data: &Path) -> Output {
    call(&["restore", backup.to_str().unwrap(), "--data-dir", data.to_str().unwrap()])
}

#[tokio::test]
async fn what_is_destroyed_comes_back_as_it_was() {
    let kept = tempfile::tempdir().unwrap();
    let backup = kept.path().join("backup");
    let mut program = Program::start_with(&ROLES);
    let caller = Caller(&program);
    let user = json!({"id": USER, "name": "Ann", "email": "ann@example.com"});
    caller.does("/users", Some("user"), user.clone()).await;
    caller.does("/stock/teapot/receipts", Some("tea"), json!({"quantity": 9})).await;
    refused(&program).await;
    let mut orders = vec![caller.orders("first").await];
    let first = backed_up(&program, &backup);
    assert_eq!(of("EVENTS", &first).len(), 1);

    // More, and a second time: what is there stays, and only what is new is added.
    orders.push(caller.orders("second").await);
    caller.comes("/stock/teapot", |stock| stock["reserved"] == json!(2)).await;
    caller.comes(&format!("/users/{USER}"), |user| user["credit"]["reserved"] == json!(10)).await;
    // Changes nothing: its key alone remembers it.
    let limit = format!("/users/{USER}/credit-limit");
    let same = json!({"amount": 100_000});
    caller.asks(Method::PUT, &limit, Some("same"), same.clone()).await;
    for order in &orders {
        caller
            .comes(&format!("/sagas/checkout/{order}"), |saga| {
                saga["waits_for"].as_array().is_none_or(|waits| waits.len() == 1)
            })
            .await;
    }
    let second = backed_up(&program, &backup);
    assert!(of("EVENTS", &first).iter().all(|piece| second.contains(*piece)));
    assert_eq!((of("EVENTS", &second).len(), of("COMMANDS", &second).len()), (2, 1));
    let said = ended(&program.call(&["backup", backup.to_str().unwrap()]), 0, ": 0 new events");
    let (before, end) = counts(&program).await;
    assert!(said.contains(&format!("position {end}")), "{said}");
    assert!(before.iter().all(|(_, messages)| *messages > 0), "{before:?}");
    let answers = caller.all(&orders).await;
    program.terminate();
    drop(program);

    let folder = tempfile::Builder::new().prefix("jetsource-test-").tempdir().unwrap();
    let data = folder.path().join("data");
    ended(&restored(&backup, &data), 0, &format!("restored up to position {end}"));
    let program = Program::start_in(folder, &ROLES);
    ended(&program.call(&["log", "verify"]), 0, "");
    assert_eq!(counts(&program).await, (before, end));
    let caller = Caller(&program);
    caller.comes("/orders", |all| all.as_array().unwrap().len() == 2).await;
    assert_eq!(caller.all(&orders).await, answers);
    for view in ["users", "orders", "stock"] {
        ended(&program.call(&["projections", "verify", view]), 0, "");
    }
    // Keys count as before, and nothing is done twice.
    assert!(caller.asks(Method::POST, "/users", Some("user"), user).await.1);
    assert!(caller.asks(Method::PUT, &limit, Some("same"), same).await.1);
    let eve = json!({"name": "Eve", "email": "ANN@example.com"});
    assert_eq!(caller.asks(Method::POST, "/users", None, eve).await.0, 409, "the key of claims came along");
    assert_eq!(counts(&program).await.1, end);
    // The checkouts go on: somebody answers for the payment.
    pays(&program, &orders).await;
    for order in &orders {
        caller.comes(&format!("/orders/{order}"), |order| order["status"] == json!("confirmed")).await;
    }
    // And the series of backups goes on where it was.
    let third = backed_up(&program, &backup);
    assert!(of("EVENTS", &second).iter().all(|piece| third.contains(*piece)));
}

/// What the participant `payment` does, for the commands that wait for it.
async fn pays(program: &Program, orders: &[String]) {
    let context = jetstream::new(async_nats::connect(program.nats()).await.unwrap());
    for order in orders {
        let mut headers = HeaderMap::new();
        let id = format!("paid-{order}");
        let entity = format!("payment/{order}");
        let all = [
            ("Nats-Msg-Id", id.as_str()),
            ("ce-id", &id),
            ("ce-type", "payment-authorised"),
            ("ce-specversion", "1.0"),
            ("ce-source", "/payment"),
            ("ce-subject", &entity),
        ];
        for (name, value) in all {
            headers.insert(name, value);
        }
        let sent =
            context.publish_with_headers(format!("append.payment.{order}"), headers, "{}".into()).await;
        sent.unwrap().await.unwrap();
    }
}

/// A backup of a log of a few events, and its program, which still runs.
async fn small() -> (tempfile::TempDir, PathBuf, Program) {
    let kept = tempfile::tempdir().unwrap();
    let backup = kept.path().join("backup");
    let program = Program::start();
    for number in 0..20 {
        let path = format!("/stock/s-{number}/receipts");
        Caller(&program).does(&path, None, json!({"quantity": 1})).await;
    }
    backed_up(&program, &backup);
    (kept, backup, program)
}

#[tokio::test]
async fn a_damaged_piece_is_found_and_named_before_anything_is_restored() {
    let (kept, backup, _program) = small().await;
    let data = kept.path().join("data");
    let files = fs::read_dir(&backup).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| file.file_name().unwrap() != "lock").collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let whole = fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        fs::write(&file, &flipped).unwrap();
        ended(&restored(&backup, &data), 6, &name);
        fs::write(&file, &whole[..whole.len() - 2]).unwrap();
        ended(&restored(&backup, &data), 6, &name);
        fs::remove_file(&file).unwrap();
        ended(&restored(&backup, &data), if name == "manifest.json" { 3 } else { 6 }, "");
        fs::write(&file, &whole).unwrap();
    }
    assert!(!data.exists(), "nothing was begun");
    ended(&restored(&backup, &data), 0, "restored up to position 20");
}

#[tokio::test]
async fn a_backup_is_of_one_log_and_goes_onto_an_empty_broker() {
    let (kept, backup, program) = small().await;
    let folder = backup.to_str().unwrap();
    ended(&program.call(&["restore", folder]), 4, "in use");
    ended(&program.call(&["restore", folder, "--nats-url", program.nats()]), 4, "empty");
    let other = Program::start();
    Caller(&other).does("/stock/tea/receipts", None, json!({"quantity": 1})).await;
    ended(&other.call(&["backup", folder]), 6, "up to position 20");
    ended(&other.call(&["backup", program.folder().to_str().unwrap()]), 2, "empty folder");
    ended(&call(&["restore", kept.path().join("nothing").to_str().unwrap()]), 2, "nothing");

    let data = kept.path().join("data");
    ended(&restored(&backup, &data), 0, "position 20");
    ended(&restored(&backup, &data), 4, "empty");
}

/// The messages of a log in a backup.
fn log_in(backup: &Path) -> Vec<Message> {
    let all = pieces(backup);
    let text = fs::read_to_string(backup.join(of("EVENTS", &all)[0])).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_goes_on_where_it_was() {
    let (_kept, backup, _program) = small().await;
    let messages = log_in(&backup);
    for changed in [false, true] {
        let broker = Server::throwaway().await.unwrap();
        let connection = Connection::open(&broker.url()).await.unwrap();
        let store = EventStore::open(connection, Settings::default()).await.unwrap();
        let config = store.stream_found("EVENTS").await.unwrap().unwrap().config;
        let mut refilling = store.refill(&config);
        for mut message in messages[..5].iter().cloned() {
            if changed && message.sequence == 5 {
                message.subject = "events.stock.other".into();
            }
            refilling.put(message).await.unwrap();
        }
        refilling.finish().await.unwrap();
        let output = call(&["restore", backup.to_str().unwrap(), "--nats-url", &broker.url()]);
        if changed {
            ended(&output, 4, "not the beginning");
            continue;
        }
        ended(&output, 0, "position 20");
        for message in &messages {
            assert!(store.message_at("EVENTS", message.sequence).await.unwrap().unwrap().is_same(message));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_a_foreign_hand_has_sent_twice_is_restored_twice() {
    let (kept, _, program) = small().await;
    let backup = kept.path().join("twice");
    let store =
        EventStore::open(Connection::open(program.nats()).await.unwrap(), Settings::default()).await.unwrap();
    let config = store.stream_found("EVENTS").await.unwrap().unwrap().config;
    // As it lies there when the second one came after the broker had forgotten the first.
    let mut refilling = store.refill(&config);
    for sequence in [21, 22] {
        let message = json!({
            "sequence": sequence, "subject": "events.payment.x", "time": "2026-01-01T00:00:00Z",
            "headers": {"Nats-Msg-Id": ["pay-1"], "ce-id": ["pay-1"]}, "data": "{}",
        });
        refilling.put(serde_json::from_value(message).unwrap()).await.unwrap();
    }
    refilling.finish().await.unwrap();
    backed_up(&program, &backup);
    drop(program);
    let folder = tempfile::Builder::new().prefix("jetsource-test-").tempdir().unwrap();
    ended(&restored(&backup, &folder.path().join("data")), 0, "position 22");
    let program = Program::start_in(folder, &[]);
    let listed = program.call(&["events", "tail", "--from", "21", "--json"]);
    ended(&listed, 0, "events.payment.x");
    assert_eq!(stdout(&listed).lines().count(), 2);
}
