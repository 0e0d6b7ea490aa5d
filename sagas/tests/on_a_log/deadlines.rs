//! Deadlines: the broker keeps them, whoever is away.

use time::{Duration, OffsetDateTime};

use event_store::EventStore;

use crate::toy::{Running, Trip, WishEvent, events, happens, log, sent_are, trip_is, until};

fn within(time: Duration) -> WishEvent {
    WishEvent::WishMade { by: OffsetDateTime::now_utc() + time }
}

/// How many deadlines the broker keeps.
async fn kept(store: &EventStore) -> u64 {
    let context = async_nats::jetstream::new(store.connection().client().clone());
    context.get_stream("DEADLINES").await.unwrap().get_info().await.unwrap().state.messages
}

#[tokio::test]
async fn one_that_passes_is_learned_and_acted_on() {
    let (_server, store) = log().await;
    let running = Running::start(&store);
    happens(&store, "soon", within(Duration::milliseconds(200))).await;
    happens(&store, "past", within(-Duration::HOUR)).await;
    happens(&store, "later", within(Duration::HOUR)).await;
    for id in ["soon", "past"] {
        trip_is(&store, id, &Trip::Over("too late".into())).await;
        assert_eq!(events(&store, id).await, 2);
    }
    trip_is(&store, "later", &Trip::Asked).await;
    sent_are(&store, 5).await;
    running.stop().await;
    // Only the one that has not passed is kept.
    until("the others are gone", || async { kept(&store).await == 1 }).await;
}

#[tokio::test]
async fn one_that_passes_while_nobody_is_there_is_learned_afterwards() {
    let (server, store) = log().await;
    let running = Running::start(&store);
    let by = OffsetDateTime::now_utc() + Duration::SECOND;
    happens(&store, "trip", WishEvent::WishMade { by }).await;
    trip_is(&store, "trip", &Trip::Asked).await;
    sent_are(&store, 1).await;
    running.stop().await;
    server.kill().unwrap();
    server.restarted(1).await;
    let running = Running::start(&store);
    trip_is(&store, "trip", &Trip::Over("too late".into())).await;
    assert!(OffsetDateTime::now_utc() >= by);
    assert_eq!(events(&store, "trip").await, 2);
    running.stop().await;
}

#[tokio::test]
async fn one_that_passes_when_the_saga_has_moved_on_changes_nothing() {
    let (_server, store) = log().await;
    let running = Running::start(&store);
    happens(&store, "trip", within(Duration::milliseconds(300))).await;
    happens(&store, "trip", WishEvent::WishDropped {}).await;
    trip_is(&store, "trip", &Trip::Over("dropped".into())).await;
    // One that comes later is learned, so the first has passed.
    happens(&store, "other", within(Duration::milliseconds(300))).await;
    trip_is(&store, "other", &Trip::Over("too late".into())).await;
    trip_is(&store, "trip", &Trip::Over("dropped".into())).await;
    assert_eq!(events(&store, "trip").await, 2);
    running.stop().await;
}
