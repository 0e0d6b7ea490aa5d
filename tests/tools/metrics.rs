//! `/metrics` against `docs/operations.md`: what is served is listed, and what is listed is served.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::LONG;
use crate::causes::with_an_order;
use crate::harness::{Program, free_address, poll, send, stderr};

const PAGE: &str = include_str!("../../docs/operations.md");

fn get(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

fn metrics(address: &str) -> String {
    let mut text = String::new();
    get(address, "/metrics").read_to_string(&mut text).unwrap();
    text
}

fn api(program: &Program) -> &str {
    program.http().strip_prefix("http://").unwrap()
}

fn post(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Every metric that is served, with its type.
fn served(text: &str) -> BTreeMap<&str, &str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split_once(' ').unwrap()).collect()
}

/// Every metric that the page has in its table.
fn listed() -> BTreeSet<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `jetsource_"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`'));
    names.filter(|name| name.starts_with("jetsource_")).collect()
}

#[test]
fn what_is_served_is_what_the_page_lists() {
    let program = with_an_order();
    let mut listener = BufReader::new(get(api(&program), "/events?from=start"));
    listener.read_line(&mut String::new()).unwrap();
    for arguments in [
        &["projections", "rebuild", "stock"][..],
        &["command", "send", "stock", "tea", "receive", "--body", "{\"quantity\":1}", "--wait"],
        &["command", "send", "stock", "tea", "receive", "--body", "{\"quantity\":0}"],
    ] {
        let output = program.call(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    }
    let listed = listed();
    let all = || {
        let text = metrics(api(&program));
        let here = served(&text);
        listed.iter().all(|name| here.contains_key(name)).then_some(())
    };
    let _ = poll(LONG, all);
    let text = metrics(api(&program));
    let served = served(&text);
    let names: BTreeSet<&str> = served.keys().copied().collect();
    assert_eq!(names, listed, "served is on the left, listed in docs/operations.md on the right");
    for (name, kind) in served {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert_ne!(kind, "summary", "{name} has no buckets");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
    for zero in [
        "jetsource_append_conflicts_total 0",
        "jetsource_append_failures_total{reason=\"unknown\"} 0",
        "jetsource_broker_servers_lazy 0",
        "jetsource_log_differs 0",
        "jetsource_view_home_errors_total{view=\"users\"} 0",
    ] {
        assert!(text.lines().any(|line| line == zero), "{zero} is not there from the start: {text}");
    }
}

#[test]
fn a_process_without_the_api_shows_its_numbers_where_it_is_told_to() {
    let address = free_address();
    let program = Program::start_with(&["--role", "projections,sagas", "--metrics-listen", &address]);
    for line in [
        "jetsource_broker_connected 1",
        "jetsource_log_available 1",
        "jetsource_view_leads{view=\"users\"} 1",
    ] {
        let there = poll(LONG, || metrics(&address).lines().any(|shown| shown == line).then_some(()));
        assert!(there.is_some(), "{line} is not there: {}", metrics(&address));
    }
    let mut health = String::new();
    get(&address, "/livez").read_to_string(&mut health).unwrap();
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    drop(program);
}

#[test]
fn what_a_silent_broker_did_not_store_is_counted() {
    let program = Program::start();
    let receive = || post(api(&program), "/stock/tea/receipts", "{\"quantity\":1}");
    assert!(receive().starts_with("HTTP/1.1 200 "));
    let broker = program.broker_pid().unwrap();
    send(broker, Signal::STOP);
    let asked = receive();
    send(broker, Signal::CONT);
    assert!(asked.starts_with("HTTP/1.1 503 "), "{asked}");
    let line = "jetsource_append_failures_total{reason=\"unknown\"} 1";
    let text = metrics(api(&program));
    assert!(text.lines().any(|shown| shown == line), "{line} is not there: {text}");
}
