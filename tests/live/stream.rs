//! What a listener hears.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::harness::{Program, send};
use crate::listener::Listener;
use crate::shop::Shop;

#[tokio::test]
async fn i_hear_what_is_stored_from_now_on() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let before = shop.receive("tea").await;
    let mut listener = Listener::to(program.http(), "").await;
    assert_eq!(listener.answer.headers()["jetsource-position"], before.to_string().as_str());
    assert_eq!(listener.answer.headers()["cache-control"], "no-store");
    assert_eq!(listener.last_id, Some(before), "a place to go on from before anything comes");

    let user = shop.user().await;
    let id = user["id"].as_str().unwrap();
    let (registered, claimed) = (listener.event().await.unwrap(), listener.event().await.unwrap());
    let told = shop.get(&format!("/users/{id}/events")).send().await.unwrap();
    let told = &told.json::<serde_json::Value>().await.unwrap()[0];
    assert_eq!(
        registered,
        json!({
            "specversion": "1.0",
            "id": told["id"],
            "source": "/jetsource",
            "type": "user-registered",
            "subject": format!("user/{id}"),
            "time": told["time"],
            "datacontenttype": "application/json",
            "position": before + 1,
            "entityversion": 1,
            "causationid": told["causation_id"],
            "correlationid": told["correlation_id"],
            "part": "1/2",
            "data": told["data"],
        })
    );
    assert_eq!((&claimed["type"], &claimed["part"]), (&json!("email-claimed"), &json!("2/2")));
}

#[tokio::test]
async fn who_asks_as_browsers_and_curl_do_has_the_stream() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    for accept in ["*/*", "text/event-stream", "text/html,application/xhtml+xml,*/*;q=0.8"] {
        let answer = shop.get("/events").header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream", "{accept}");
        assert_eq!(answer.headers()["vary"], "accept");
        assert!(answer.headers().contains_key("x-request-id"));
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let head = client.head(format!("{}/events", program.http())).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    assert_eq!(head.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn tokens_count_here_too() {
    let folder = tempfile::Builder::new().prefix("jetsource-test-").tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, "shop s3cret\n").unwrap();
    let program = Program::start_in(folder, &["--token-file", file.to_str().unwrap()]);
    let refused = Shop::at(program.http()).get("/events").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let carried = [("authorization", "Bearer s3cret")];
    assert_eq!(Listener::with(program.http(), "", &carried).await.last_id, Some(0));
}

#[tokio::test]
async fn a_node_without_read_models_has_listeners_too() {
    let program = Program::start();
    let node = Program::start_with(&["--role", "api", "--nats-url", program.nats()]);
    let mut listener = Listener::to(node.http(), "entity=stock/tea").await;
    Shop::at(program.http()).receive("tea").await;
    assert_eq!(listener.event().await.unwrap()["subject"], "stock/tea");
}

#[tokio::test]
async fn the_end_of_the_server_is_said_and_does_not_wait_for_listeners() {
    let mut program = Program::start();
    let mut listeners = Vec::new();
    for query in ["", "entity=stock/tea", "from=start", "category=user"] {
        listeners.push(Listener::to(program.http(), query).await);
    }
    // One that asks and never reads.
    let mut deaf = TcpStream::connect(program.http().strip_prefix("http://").unwrap()).await.unwrap();
    deaf.write_all(b"GET /events HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    deaf.readable().await.unwrap();
    let started = Instant::now();
    send(program.pid(), Signal::TERM);
    for mut listener in listeners {
        listener.comment("the server ends").await;
        assert!(listener.block().await.is_none());
    }
    let status = tokio::task::spawn_blocking(move || program.ended()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}
