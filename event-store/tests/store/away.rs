//! The broker goes away, and comes back.

use std::time::Duration;

use crate::toy::{Jar, JarCommand, JarEvent, command, jar, log, open};
use event_model::{EntityName, Position, Version};
use event_store::{Effect, Entry, ExecuteError, Mark, StoreError, Write};

#[tokio::test]
async fn a_silent_broker_is_told_in_time_and_forgotten_when_it_is_back() {
    let (server, store) = log().await;
    let stand = store.load::<Jar>(&jar("a")).await.unwrap().stand();
    // Writers are let in while the broker still answers.
    store.settle().await.unwrap();
    server.pause().unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), store.load::<Jar>(&jar("a"))).await.unwrap();
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");

    let metadata = command();
    let write =
        Write::new(EntityName::new("jar", "a"), stand, &[JarEvent::CoinsAdded { coins: 1 }], &metadata)
            .unwrap();
    let stored =
        tokio::time::timeout(Duration::from_secs(5), store.append(&[write], &metadata)).await.unwrap();
    assert!(matches!(stored, Err(StoreError::OutcomeUnknown(_))), "{stored:?}");

    server.resume().unwrap();
    // The writes that nobody answered carry one expectation: however many were sent, one is stored.
    let done = store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &metadata.again()).await.unwrap();
    assert_eq!((done.entity.state.coins, done.entity.version), (1, Version::new(1)));
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn the_same_command_again_finds_out_what_became_of_it() {
    let (server, store) = log().await;
    let metadata = command();
    store.execute::<Jar>(&jar("a"), JarCommand::AddTwice(1), &metadata).await.unwrap();
    let metadata = metadata.again();
    for node in [&store, &open(&server).await] {
        let again = node.execute::<Jar>(&jar("a"), JarCommand::AddTwice(1), &metadata).await.unwrap();
        assert_eq!((again.effect, again.entity.version), (Effect::Repeated, Version::new(2)));
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_broker_and_readers_go_on() {
    let (server, store) = log().await;
    let mut reader = store.subscribe(Mark::START);
    let mut seen = Vec::new();
    let mut acknowledged = 0;
    for round in 1..=3 {
        for _ in 0..20 {
            match store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await {
                Ok(done) => acknowledged = done.entity.version.get(),
                Err(ExecuteError::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        server.kill().unwrap();
        server.restarted(round).await;
    }
    let stored = loop {
        if let Ok(jar) = store.load::<Jar>(&jar("a")).await {
            break jar.version.get();
        }
    };
    assert!(stored >= acknowledged && acknowledged >= 3, "{stored} stored, {acknowledged} acknowledged");
    while (seen.len() as u64) < stored {
        let batch = reader.next(7).await.unwrap();
        seen.extend(batch.entries.into_iter().map(|entry| entry.position()));
    }
    assert_eq!(seen, (1..=stored).map(Position::new).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_was_replaced_is_refused() {
    let (_server, store) = log().await;
    for _ in 0..3 {
        store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    }
    let mark = Mark::on(&store.at(Position::new(3)).await.unwrap().unwrap());
    let (_other_server, other) = log().await;
    other.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    let shorter = other.subscribe(mark).next(1).await;
    assert!(matches!(&shorter, Err(StoreError::Corrupt(why)) if why.contains("position 1")), "{shorter:?}");
    for _ in 0..2 {
        other.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    }
    let differs = other.subscribe(mark).next(1).await;
    assert!(
        matches!(&differs, Err(StoreError::Corrupt(why)) if why.contains("another event")),
        "{differs:?}"
    );
    assert!(matches!(store.at(Position::new(3)).await, Ok(Some(Entry::Event(_)))));
}
