//! `/metrics` against `docs/operations.md`: what is served is listed, and what is listed is served.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::LONG;
use crate::causes::with_an_order;
use crate::harness::{Program, poll, stderr};

const PAGE: &str = include_str!("../../docs/operations.md");

fn get(program: &Program, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(program.http().strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

fn metrics(program: &Program) -> String {
    let mut text = String::new();
    get(program, "/metrics").read_to_string(&mut text).unwrap();
    text
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
    let mut listener = BufReader::new(get(&program, "/events?from=start"));
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
        let text = metrics(&program);
        let here = served(&text);
        listed.iter().all(|name| here.contains_key(name)).then_some(())
    };
    let _ = poll(LONG, all);
    let text = metrics(&program);
    let served = served(&text);
    let names: BTreeSet<&str> = served.keys().copied().collect();
    assert_eq!(names, listed, "served is on the left, listed in docs/operations.md on the right");
    for (name, kind) in served {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert_ne!(kind, "summary", "{name} has no buckets");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
    for zero in ["jetsource_append_conflicts_total 0", "jetsource_view_home_errors_total{view=\"users\"} 0"] {
        assert!(text.lines().any(|line| line == zero), "{zero} is not there from the start: {text}");
    }
}
