//! How it ends, and what that costs those who call.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::client::{Api, fresh_email};
use crate::harness::{Program, send};

#[tokio::test]
async fn a_node_that_leaves_says_so_and_goes_on_until_it_is_hurried() {
    let api = Api::of(Arc::new(Program::start_with(&["--drain", "1h"])));
    api.program.ask_to_end();
    let mut readiness = api.get("/readyz").await;
    while readiness.status == 200 {
        readiness = api.get("/readyz").await;
    }
    assert!(readiness.json().to_string().contains("about to end"), "{readiness:?}");
    assert_eq!(api.get("/livez").await.status, 200);
    api.post("/users", json!({"name": "Ann", "email": fresh_email()})).await.created();
    let mut program = Arc::into_inner(api.program).unwrap();
    program.terminate();
}

#[test]
fn who_waits_at_the_door_when_it_closes_is_still_let_in() {
    let mut program = Program::start();
    let address = program.http().strip_prefix("http://").unwrap().to_owned();
    send(program.pid(), Signal::STOP);
    let body = format!(r#"{{"name":"Ann","email":"{}"}}"#, fresh_email());
    let length = body.len();
    let call = format!(
        "POST /users HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut callers: Vec<_> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for caller in &mut callers {
        caller.write_all(call.as_bytes()).unwrap();
    }
    program.ask_to_end();
    send(program.pid(), Signal::CONT);
    for mut caller in callers {
        let mut said = String::new();
        caller.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 201") || said.starts_with("HTTP/1.1 409"), "{said}");
    }
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn it_ends_in_order_while_callers_are_connected() {
    let mut program = Program::start();
    let address = program.http().strip_prefix("http://").unwrap().to_owned();
    let idle = TcpStream::connect(address).unwrap();
    let started = std::time::Instant::now();
    program.terminate();
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(idle);
}

#[test]
fn who_waits_for_something_new_is_answered_when_it_ends() {
    let mut program = Program::start();
    let address = program.http().strip_prefix("http://").unwrap().to_owned();
    let mut waiting = TcpStream::connect(address).unwrap();
    let ask = "GET /users HTTP/1.1\r\nhost: shop\r\njetsource-position: 99999\r\nprefer: wait=30\r\n\r\n";
    // Both arrive as one: when the first is answered, the second is under way.
    waiting.write_all(format!("GET /livez HTTP/1.1\r\nhost: shop\r\n\r\n{ask}").as_bytes()).unwrap();
    let mut first = [0; 15];
    waiting.read_exact(&mut first).unwrap();
    let started = std::time::Instant::now();
    program.terminate();
    assert!(started.elapsed() < Duration::from_secs(8));
    let mut said = String::new();
    waiting.read_to_string(&mut said).unwrap();
    assert!(said.contains("HTTP/1.1 503") && said.contains("this node ends"), "{said}");
}
