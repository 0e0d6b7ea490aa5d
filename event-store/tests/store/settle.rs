//! A log in which an append was cut off, as a power cut leaves it where batches are gathered in memory.

use async_nats::{HeaderMap, Message};
use event_model::{EntityName, Position, Version};
use event_store::verify::Category;
use event_store::{Connection, EventStore, Settings, Staging, Stand, StoreError, Write};

use crate::toy::{Jar, JarEvent, command, jar, log, open};

/// The messages of one append over two jars: two events for the left one, one for the right one.
async fn an_append() -> Vec<Message> {
    let (_server, store) = log().await;
    let metadata = command();
    let coins = |name, count: usize| {
        let events = vec![JarEvent::CoinsAdded { coins: 1 }; count];
        Write::new(EntityName::new("jar", name), Stand::default(), &events, &metadata).unwrap()
    };
    store.append(&[coins("left", 2), coins("right", 1)], &metadata).await.unwrap();
    let mut messages = Vec::new();
    for position in 1..=3 {
        messages.push(at(&store, position).await);
    }
    messages
}

async fn at(store: &EventStore, position: u64) -> Message {
    let ask = format!(r#"{{"seq":{position}}}"#);
    store.connection().client().request("$JS.API.DIRECT.GET.EVENTS", ask.into()).await.unwrap()
}

/// The first of these messages, stored on another log as they are there, the rest lost.
async fn cut_after(store: &EventStore, messages: &[Message]) {
    for message in messages {
        let mut headers = HeaderMap::new();
        for (name, values) in message.headers.as_ref().unwrap().iter() {
            let name = name.to_string();
            let of_the_broker = name.starts_with("Nats-") && name != "Nats-Msg-Id";
            let expects = name == "Nats-Expected-Last-Subject-Sequence";
            if !of_the_broker || expects {
                headers.insert(name.as_str(), values[0].as_str());
            }
        }
        let stored_on = message.headers.as_ref().unwrap().get("Nats-Subject").unwrap().as_str();
        let subject = stored_on.replace("events.", "append.");
        let client = store.connection().client();
        let answer = client.request_with_headers(subject, headers, message.payload.clone()).await.unwrap();
        assert!(!String::from_utf8_lossy(&answer.payload).contains("error"), "{answer:?}");
    }
}

fn without(message: Message, header: &str) -> Message {
    let mut kept = HeaderMap::new();
    for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
        if name.to_string() != header {
            kept.insert(name.clone(), values[0].clone());
        }
    }
    Message { headers: Some(kept), ..message }
}

async fn version(store: &EventStore, name: &str) -> Version {
    store.load::<Jar>(&jar(name)).await.unwrap().version
}

async fn is_sound(store: &EventStore) {
    let verified = store.verify(&[Category::of::<Jar>()], &[], |_, _| {}).await.unwrap();
    assert_eq!(verified.problems.first, [], "{verified:?}");
}

/// A writer that comes later, and needs the log whole.
async fn write(store: &EventStore, name: &str, stand: Stand) -> Result<Position, StoreError> {
    let metadata = command();
    let event = [JarEvent::CoinsAdded { coins: 1 }];
    store
        .append(&[Write::new(EntityName::new("jar", name), stand, &event, &metadata).unwrap()], &metadata)
        .await
}

#[tokio::test]
async fn a_cut_append_is_completed_before_a_writer_is_let_in() {
    let messages = an_append().await;
    for stored in 1..=2 {
        let (_server, store) = log().await;
        cut_after(&store, &messages[..stored]).await;
        assert_eq!(write(&store, "other", Stand::default()).await.unwrap(), Position::new(4), "{stored}");
        assert_eq!(
            (version(&store, "left").await, version(&store, "right").await),
            (Version::new(2), Version::new(1))
        );
        let ids = |message: &Message| message.headers.as_ref().unwrap().get("ce-id").unwrap().to_string();
        for (position, message) in (1..).zip(&messages) {
            assert_eq!(ids(&at(&store, position).await), ids(message), "{stored} {position}");
        }
        is_sound(&store).await;
    }
}

#[tokio::test]
async fn a_writer_that_was_let_in_looks_again_once_the_broker_is_another_process() {
    let messages = an_append().await;
    let (server, store) = log().await;
    write(&store, "before", Stand::default()).await.unwrap();
    server.kill().unwrap();
    server.restarted(1).await;
    // What a power cut would have left behind.
    let foreign = open(&server).await;
    cut_after(&foreign, &messages[..1]).await;
    assert_eq!(write(&store, "after", Stand::default()).await.unwrap(), Position::new(5));
    assert_eq!(version(&store, "right").await, Version::new(1));
    is_sound(&store).await;
}

#[tokio::test]
async fn staged_in_memory_an_append_too_large_to_be_completed_is_refused() {
    let (server, store) = log().await;
    let connection = Connection::open(&server.url()).await.unwrap();
    let settings = Settings { staging: Staging::Memory, ..Settings::default() };
    let in_memory = EventStore::open(connection, settings).await.unwrap();
    let metadata = command();
    let large = || {
        let events = vec![JarEvent::CoinsAdded { coins: 1 }; 500];
        [Write::new(EntityName::new("jar", "large"), Stand::default(), &events, &metadata).unwrap()]
    };
    let refused = in_memory.append(&large(), &metadata).await;
    assert!(
        matches!(&refused, Err(StoreError::Unfit(why)) if why.contains("make it smaller")),
        "{refused:?}"
    );
    assert_eq!(store.head().await.unwrap(), Position::START);
    write(&in_memory, "small", Stand::default()).await.unwrap();
    store.append(&large(), &metadata).await.unwrap();
}

#[tokio::test]
async fn who_settles_at_once_settles_once() {
    let messages = an_append().await;
    let (server, store) = log().await;
    cut_after(&store, &messages[..1]).await;
    let nodes = [open(&server).await, open(&server).await, open(&server).await];
    let settled = futures_util::future::join_all(nodes.iter().map(EventStore::settle)).await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(3));
    is_sound(&store).await;
}

#[tokio::test]
async fn what_cannot_be_completed_is_settled_by_an_event_once() {
    let messages = an_append().await;
    let (server, store) = log().await;
    cut_after(&store, &messages[..1]).await;
    // Somebody was faster than any of us.
    cut_after(&store, &[without(messages[2].clone(), "ce-part")]).await;
    let nodes = [open(&server).await, open(&server).await];
    let settled = futures_util::future::join_all(nodes.iter().map(EventStore::settle)).await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(3));
    let last = at(&store, 3).await;
    let header = |name: &str| last.headers.as_ref().unwrap().get(name).unwrap().to_string();
    assert_eq!(header("ce-type"), "append-cut");
    let data: serde_json::Value = serde_json::from_slice(&last.payload).unwrap();
    assert_eq!((&data["position"], &data["stored"], &data["of"]), (&1.into(), &1.into(), &3.into()));
    write(&nodes[0], "other", Stand::default()).await.unwrap();
    is_sound(&store).await;
}

#[tokio::test]
async fn an_append_without_a_record_is_settled_too() {
    let mut messages = an_append().await;
    let (_server, store) = log().await;
    cut_after(&store, &[without(messages.swap_remove(0), "Jetsource-Rest")]).await;
    store.settle().await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position::new(2));
    is_sound(&store).await;
}

#[tokio::test]
async fn a_writer_alone_notices_a_log_that_has_lost_what_it_has_written() {
    let (server, store) = log().await;
    let last = write(&store, "a", Stand::default()).await.unwrap();
    // Another node keeps the mark when it is let in.
    open(&server).await.settle().await.unwrap();
    assert_eq!(store.whole_up_to().await.unwrap().position, last);
    store.connection().client().request("$JS.API.STREAM.DELETE.EVENTS", "".into()).await.unwrap();
    let node = open(&server).await;
    let refused = write(&node, "b", Stand::default()).await;
    assert!(
        matches!(&refused, Err(StoreError::Corrupt(why)) if why.contains("ends at position 0")),
        "{refused:?}"
    );
}
