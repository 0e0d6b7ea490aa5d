//! Several processes, one of which has the lease.

use std::time::Duration;

use event_store::lease::RENEW_EVERY;
use tokio::time::{interval, timeout};
use uuid::Uuid;

use crate::toy::{Running, Trip, happens, log, made, open, sent_are, trip_is};

#[tokio::test]
async fn another_takes_over_when_one_dies_and_when_one_stops() {
    let (server, store) = log().await;
    let first = Running::start(&store);
    happens(&store, "a", made()).await;
    trip_is(&store, "a", &Trip::Asked).await;
    let (second_store, third_store) = (open(&server).await, open(&server).await);
    let second = Running::start(&second_store);
    first.kill();
    happens(&store, "b", made()).await;
    trip_is(&store, "b", &Trip::Asked).await;
    let third = Running::start(&third_store);
    second.stop().await;
    happens(&store, "c", made()).await;
    trip_is(&store, "c", &Trip::Asked).await;
    sent_are(&store, 3).await;
    third.stop().await;
}

#[tokio::test]
async fn who_has_lost_the_lease_can_note_nothing_any_more() {
    let (server, store) = log().await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut stale = store.lease("x", one).await;
    stale.renew("first".into()).await.unwrap();
    let second_store = open(&server).await;
    // Not renewed: another may have it.
    let mut taken = timeout(Duration::from_secs(30), second_store.lease("x", other)).await.unwrap();
    assert_eq!((taken.token(), taken.note()), (stale.token() + 1, &"first".into()));
    stale.renew("late".into()).await.unwrap_err();
    taken.renew("second".into()).await.unwrap();
    taken.release("third".into()).await;
    let again = store.lease("x", one).await;
    assert_eq!((again.token(), again.note()), (3, &"third".into()));
}

#[tokio::test]
async fn who_renews_is_not_taken_over() {
    let (server, store) = log().await;
    let mut held = store.lease("x", Uuid::from_u128(1)).await;
    let other = open(&server).await;
    let waits = other.lease("x", Uuid::from_u128(2));
    let renews = async {
        let mut ticks = interval(RENEW_EVERY);
        for _ in 0..8 {
            ticks.tick().await;
            held.renew("here".into()).await.unwrap();
        }
    };
    tokio::select! {
        _ = waits => panic!("it was taken over"),
        () = renews => {}
    }
}
