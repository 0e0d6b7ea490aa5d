//! The queue of commands on the real broker: who takes one, when it comes again, and what is put aside.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, External, Source, StreamConsumerSource};
use bytes::Bytes;
use event_model::EntityName;
use event_store::streams::COMMANDS;
use event_store::{Delivery, EventStore, Inbox, QueuedCommand, StoreError};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::toy::{log, open};

const LONG: Duration = Duration::from_secs(20);
/// In which nothing comes that should not.
const MOMENT: Duration = Duration::from_millis(300);

fn add(id: &str, jar: &str) -> QueuedCommand {
    QueuedCommand {
        id: id.into(),
        entity: EntityName::new("jar", jar),
        command: "add".into(),
        body: Bytes::from_static(b"{}"),
        causation_id: None,
        correlation_id: None,
        traceparent: None,
    }
}

async fn send(store: &EventStore, ids: &[&str]) {
    for id in ids {
        store.enqueue(&add(id, "a")).await.unwrap();
    }
}

async fn next(inbox: &mut Inbox) -> Delivery {
    timeout(LONG, inbox.next()).await.unwrap()
}

fn id(delivery: &Delivery) -> &str {
    &delivery.command.as_ref().unwrap().id
}

#[tokio::test]
async fn a_command_is_given_to_one_until_it_is_done() {
    let (server, store) = log().await;
    store.open_queue(&["jar"]).await.unwrap();
    let other = open(&server).await;
    let (mut one, mut two) = (store.inbox("jar", 1), other.inbox("jar", 1));
    send(&store, &["a", "b"]).await;
    let (a, b) = (next(&mut one).await, next(&mut two).await);
    assert_eq!((id(&a), id(&b), a.times, b.times), ("a", "b", 1, 1));
    a.done().await;
    drop(a);
    assert!(timeout(MOMENT, one.next()).await.is_err(), "the other one is out");
    // Nobody has said what became of it: the next one is given it.
    let again = next(&mut one).await;
    assert_eq!((id(&again), again.times), ("b", 2));
    again.later(Duration::from_millis(1)).await;
    drop(again);
    assert_eq!(next(&mut one).await.times, 3);
}

#[tokio::test]
async fn whoever_says_that_he_is_at_work_keeps_his_command() {
    let (server, store) = log().await;
    store.open_queue(&["jar"]).await.unwrap();
    let other = open(&server).await;
    let (mut one, mut two) = (store.inbox("jar", 1), other.inbox("jar", 1));
    send(&store, &["a"]).await;
    let a = next(&mut one).await;
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let working = async {
        for _ in 0..5 {
            ticks.tick().await;
            a.under_way().await;
        }
    };
    tokio::select! {
        taken = two.next() => panic!("it was given away: {taken:?}"),
        () = working => {}
    }
}

#[tokio::test]
async fn no_more_are_out_than_there_are_places_for() {
    let (_server, store) = log().await;
    store.open_queue(&["jar"]).await.unwrap();
    send(&store, &["a", "b", "c", "d"]).await;
    let mut inbox = store.inbox("jar", 2);
    let (a, b) = (next(&mut inbox).await, next(&mut inbox).await);
    assert!(timeout(MOMENT, inbox.next()).await.is_err());
    b.done().await;
    drop(b);
    let c = next(&mut inbox).await;
    assert_eq!((id(&a), id(&c), c.times), ("a", "c", 1));
}

#[tokio::test]
async fn an_inbox_goes_on_after_its_broker_and_its_consumer_were_gone() {
    let (server, store) = log().await;
    store.open_queue(&["jar"]).await.unwrap();
    let mut inbox = store.inbox("jar", 8);
    assert!(timeout(MOMENT, inbox.next()).await.is_err());
    server.kill().unwrap();
    server.restarted(1).await;
    send(&store, &["a"]).await;
    let a = next(&mut inbox).await;
    assert_eq!(id(&a), "a");
    a.done().await;
    let context = jetstream::new(store.connection().client().clone());
    context.get_stream("COMMANDS").await.unwrap().delete_consumer("inbox-jar").await.unwrap();
    send(&store, &["b"]).await;
    assert_eq!(id(&next(&mut inbox).await), "b");
}

#[tokio::test]
async fn what_is_put_aside_is_there_once() {
    let (_server, store) = log().await;
    assert!(store.refused(10).await.unwrap().is_empty(), "there is no stream yet");
    assert!(!store.forget_refused(1).await.unwrap());
    store.open_queue(&["jar"]).await.unwrap();
    let mut inbox = store.inbox("jar", 1);
    send(&store, &["a"]).await;
    for times in 1..=3 {
        let delivery = next(&mut inbox).await;
        assert_eq!(delivery.times, times);
        // The acknowledgement is lost: it comes again.
        store.reject(&delivery, Bytes::from_static(b"{\"type\":\"no\"}")).await.unwrap();
        delivery.later(Duration::from_millis(1)).await;
    }
    let aside = store.refused(10).await.unwrap();
    assert_eq!(aside.len(), 1);
    assert_eq!(aside[0].asked(), Some((EntityName::new("jar", "a"), "add".into())));
    assert_eq!(aside[0].headers().collect::<Vec<_>>(), [("Nats-Msg-Id", "a")]);
    let another = Bytes::from_static(b"{\"type\":\"another reason\"}");
    let mut delivery = next(&mut inbox).await;
    while let Err(error) = store.reject(&delivery, another.clone()).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        delivery.later(Duration::from_millis(1)).await;
        drop(delivery);
        delivery = next(&mut inbox).await;
    }
    assert_eq!(store.refused(10).await.unwrap().len(), 2);
    let large = store.reject(&delivery, Bytes::from(vec![b' '; 4 << 20])).await;
    assert!(matches!(large, Err(StoreError::Unfit(_))), "{large:?}");
}

/// What only an operator knows of stays: where else commands come from, and how many may wait.
#[tokio::test]
async fn a_queue_that_takes_more_keeps_the_rest_as_it_was() {
    let (_server, store) = log().await;
    store.open_queue(&["jar"]).await.unwrap();
    let context = jetstream::new(store.connection().client().clone());
    let made = context.get_stream(COMMANDS).await.unwrap().cached_info().config.clone();
    let external = External { api_prefix: "$JS.edge.API".into(), delivery_prefix: None };
    let consumer = StreamConsumerSource::new("hub", "deliver.edge.commands");
    let source = Source {
        name: COMMANDS.into(),
        external: Some(external),
        consumer: Some(consumer),
        ..Source::default()
    };
    let sources = Some(vec![source]);
    context.update_stream(Config { sources, max_messages: 7, ..made.clone() }).await.unwrap();
    store.open_queue(&["jar", "box"]).await.unwrap();
    let found = context.get_stream(COMMANDS).await.unwrap().cached_info().config.clone();
    assert_eq!(found.subjects, ["commands.box.>", "commands.jar.>"]);
    let source = &found.sources.unwrap()[0];
    assert_eq!(source.external.as_ref().unwrap().api_prefix, "$JS.edge.API");
    assert_eq!(source.consumer.as_ref().unwrap().name, "hub");
    assert_eq!(found.max_messages, 7);
}
