//! Callers who are slow, who hang up, or who do not even speak HTTP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Api, fresh_email, fresh_id};
use crate::wire::Wire;

fn registration(id: &str) -> String {
    json!({"name": "Ann", "email": fresh_email(), "id": id}).to_string()
}

/// The one slow test: it waits for the server's own limits.
#[tokio::test]
async fn slow_callers_are_let_go() {
    let api = Api::shared();
    let head = async {
        let mut wire = Wire::to(&api).await;
        let started = Instant::now();
        wire.send("GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
        // A byte now and then does not buy more time.
        while timeout(Duration::from_millis(400), wire.closes()).await.is_err() {
            wire.send("x").await;
            assert!(started.elapsed() < Duration::from_secs(20), "it still waits for the head");
        }
        assert!(started.elapsed() > Duration::from_secs(4), "{:?}", started.elapsed());
    };
    let nothing = async {
        let mut wire = Wire::to(&api).await;
        assert!(timeout(Duration::from_secs(20), wire.closes()).await.is_ok(), "it waits for nothing");
    };
    let body = async {
        let (mut wire, id) = (Wire::to(&api).await, fresh_id());
        let whole = registration(&id);
        let head = "POST /users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ";
        let started = Instant::now();
        wire.send(format!("{head}{}\r\n\r\n{}", whole.len(), &whole[..whole.len() - 1])).await;
        let answer = wire.answer().await.expect("an answer says what is wrong");
        answer.problem("malformed-request");
        let took = started.elapsed();
        assert!(took > Duration::from_secs(9) && took < Duration::from_secs(20), "{took:?}");
        wire.send(&whole[whole.len() - 1..]).await;
        api.get(&format!("/users/{id}")).await.problem("not-found");
    };
    tokio::join!(head, nothing, body);
}

#[tokio::test]
async fn who_hangs_up_in_mid_body_has_done_nothing() {
    let api = Api::shared();
    for sent in [0, 1, 20, 60] {
        let (mut wire, id) = (Wire::to(&api).await, fresh_id());
        let whole = registration(&id);
        let head = "POST /users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ";
        wire.send(format!("{head}{}\r\n\r\n{}", whole.len(), &whole[..sent])).await;
        drop(wire);
        api.get(&format!("/users/{id}")).await.problem("not-found");
        let made = api.send("POST /users", &[("content-type", "application/json")], whole.into()).await;
        made.created();
    }
}

#[tokio::test]
async fn who_hangs_up_after_a_command_finds_it_whole_or_not_at_all() {
    let api = Api::shared();
    for number in 0..20 {
        let (mut wire, id) = (Wire::to(&api).await, fresh_id());
        let (body, key) = (registration(&id), fresh_id());
        let headers = format!("content-type: application/json\r\nidempotency-key: {key}\r\n");
        wire.request("POST /users", &headers, &body).await;
        if number % 2 == 0 {
            // A reset instead of an end.
            wire.stream.set_zero_linger().unwrap();
        }
        drop(wire);
        let sent: Value = serde_json::from_str(&body).unwrap();
        let keyed = [("idempotency-key", key.as_str()), ("content-type", "application/json")];
        let repeated = api.send("POST /users", &keyed, body.into()).await;
        let user = if repeated.status == 409 {
            // The first one is still under way, and its answer is waited for no longer.
            repeated.problem("conflict");
            api.get(&format!("/users/{id}")).await.ok()
        } else {
            repeated.created()
        };
        assert_eq!((&user["id"], &user["email"]), (&sent["id"], &sent["email"]));
        assert_eq!(api.events(&user).await, 1);
        let rival = json!({"name": "Bob", "email": sent["email"]});
        api.post("/users", rival).await.problem("email-taken");
    }
}

#[tokio::test]
async fn who_asks_first_is_told_to_go_on() {
    let api = Api::shared();
    let (mut wire, body) = (Wire::to(&api).await, registration(&fresh_id()));
    let head =
        "POST /users HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n";
    wire.send(format!("{head}content-length: {}\r\n\r\n", body.len())).await;
    assert_eq!(wire.answer().await.unwrap().status, 100);
    wire.send(body).await;
    wire.answer().await.unwrap().created();

    let mut wire = Wire::to(&api).await;
    wire.send(
        "POST /users/x/events HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
    wire.answer().await.unwrap().problem("method-not-allowed");
}

#[tokio::test]
async fn requests_sent_in_one_go_are_answered_in_their_order() {
    let api = Api::shared();
    let mut wire = Wire::to(&api).await;
    let (id, last) = (fresh_id(), fresh_id());
    let mut bytes = Vec::new();
    for (line, body) in [
        ("POST /users".to_owned(), registration(&id)),
        (format!("PUT /users/{id}"), json!({"name": "Bea"}).to_string()),
        ("GET /nothing".to_owned(), String::new()),
        (format!("GET /users/{id}"), String::new()),
    ] {
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-request-id: {last}\r\n"
        );
        bytes.push(format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    }
    wire.send(bytes.concat()).await;
    wire.answer().await.unwrap().created();
    assert_eq!(wire.answer().await.unwrap().version(), 2);
    wire.answer().await.unwrap().problem("not-found");
    let read = wire.answer().await.unwrap();
    assert_eq!((read.ok()["name"].clone(), read.header("x-request-id")), (json!("Bea"), Some(last.as_str())));
}

#[tokio::test]
async fn old_http_is_understood() {
    let api = Api::shared();
    let mut wire = Wire::to(&api).await;
    wire.send("GET /livez HTTP/1.0\r\n\r\n").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert!(wire.closes().await);
    let (mut wire, body) = (Wire::to(&api).await, registration(&fresh_id()));
    let head = "POST /users HTTP/1.0\r\ncontent-type: application/json\r\n";
    wire.send(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
    wire.answer().await.unwrap().created();
}

#[tokio::test]
async fn what_is_no_http_is_answered_shortly_and_let_go() {
    let api = Api::shared();
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
    let query = format!("GET /users?after={} HTTP/1.1\r\nhost: x\r\n\r\n", "7".repeat(70_000));
    let header = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(1_000_000));
    let many = "x-again: 1\r\n".repeat(200);
    let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    for (bytes, statuses) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..], &[400][..]),
        (b"hello there\r\n\r\n", &[400]),
        (b"\0\0\0\0\r\n\r\n", &[400]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[]),
        (b"GET /users/a b HTTP/1.1\r\n\r\n", &[400]),
        (b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n", &[400]),
        (b"GET /livez HTTP/1.1\r\nx y: 1\r\n\r\n", &[400]),
        (b"GET /livez HTTP/1.1\r\nx: a\0b\r\n\r\n", &[400]),
        (b"POST /users HTTP/1.1\r\ncontent-length: -1\r\n\r\n", &[400]),
        (b"POST /users HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}", &[400]),
        (b"POST /users HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n", &[400]),
        (b"POST /users HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", &[400]),
        (b"POST /users HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", &[400]),
        (b"POST /users HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}xx\r\n", &[400]),
        (long.as_bytes(), &[414]),
        (query.as_bytes(), &[414]),
        (header.as_bytes(), &[431]),
        (many.as_bytes(), &[431]),
    ] {
        let mut wire = Wire::to(&api).await;
        wire.send(bytes).await;
        let shown: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
        let status = wire.answer().await.map(|answer| answer.status);
        assert_eq!(status.as_slice(), statuses, "{shown:?}");
        assert!(wire.closes().await, "{shown:?}");
    }
    api.get("/readyz").await.ok();
}

#[tokio::test]
async fn odd_but_lawful_requests_are_answered() {
    let api = Api::shared();
    let path = format!("/{}", "x".repeat(60_000));
    let mut wire = Wire::to(&api).await;
    wire.request(&format!("GET {path}"), "", "").await;
    assert_eq!(wire.answer().await.unwrap().problem("not-found")["instance"], path);
    wire.request("GET http://elsewhere.example/livez", "", "").await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    for line in
        ["OPTIONS *", "GET /livez#x", "GET /livez?", "CONNECT x:80", "TRACE /users", "GET ?", "DELETE /"]
    {
        let mut wire = Wire::to(&api).await;
        wire.request(line, "", "").await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer: {line}"));
        assert!(answer.status < 500, "{line}: {answer}");
    }
}

#[tokio::test]
async fn headers_beyond_ascii_stop_at_the_door() {
    let api = Api::shared();
    let (line, path) = {
        let user = api.user().await;
        (format!("PUT {}", Api::path(&user)), Api::path(&user))
    };
    for header in ["idempotency-key", "if-match"] {
        for value in ["é", "\u{1f375}"] {
            let mut wire = Wire::to(&api).await;
            let headers = format!("content-type: application/json\r\n{header}: {value}\r\n");
            wire.request(&line, &headers, "{\"name\":\"Bea\"}").await;
            wire.answer().await.unwrap().problem("malformed-request");
        }
    }
    for header in ["prefer", "jetsource-position"] {
        let mut wire = Wire::to(&api).await;
        wire.request("GET /users?limit=1", &format!("{header}: é\r\n"), "").await;
        wire.answer().await.unwrap().problem("malformed-request");
    }
    let mut wire = Wire::to(&api).await;
    wire.request(&line, "content-type: é\r\n", "{\"name\":\"Bea\"}").await;
    wire.answer().await.unwrap().problem("unsupported-media-type");
    assert_eq!(api.get(&path).await.version(), 1, "none of it was done");

    // What is for others is left out.
    let mut wire = Wire::to(&api).await;
    let headers = "content-type: application/json\r\nx-request-id: é\r\ntraceparent: é\r\nauthorization: é\r\nx-other: é\r\n";
    wire.request(&line, headers, "{\"name\":\"Bea\"}").await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.version(), 2);
    assert!(uuid::Uuid::parse_str(answer.header("x-request-id").unwrap()).is_ok());
}
