//! What a saga intends is stored, then sent; and what is done again changes nothing.

use event_store::StoreError;
use sagas::RunError;
use tokio::runtime::Runtime;

use crate::toy::{Running, Trip, WishEvent, events, happens, log, made, sent, sent_are, trip_is, until};

#[tokio::test]
async fn what_is_learned_is_stored_and_what_is_stored_is_sent() {
    let (_server, store) = log().await;
    let running = Running::start(&store);
    for number in 0..50 {
        happens(&store, &format!("trip {number}"), made()).await;
    }
    happens(&store, "trip 7", WishEvent::WishDropped {}).await;
    trip_is(&store, "trip 7", &Trip::Over("dropped".into())).await;
    let commands = sent_are(&store, 51).await;
    let of_seven: Vec<_> = commands.iter().filter(|(hotel, _)| hotel == "trip 7").map(|(_, c)| c).collect();
    assert_eq!(of_seven, ["book", "cancel"]);
    running.stop().await;
    assert_eq!(sent(&store).await.len(), 51);
}

#[tokio::test]
async fn one_that_stops_goes_on_where_it_stopped() {
    let (_server, store) = log().await;
    for round in 0..3 {
        happens(&store, &format!("trip {round}"), made()).await;
        let running = Running::start(&store);
        trip_is(&store, &format!("trip {round}"), &Trip::Asked).await;
        sent_are(&store, round + 1).await;
        running.stop().await;
    }
    assert_eq!(sent(&store).await.len(), 3);
}

#[test]
fn a_crash_at_any_moment_leaves_nothing_out_and_decides_nothing_twice() {
    let lasting = Runtime::new().unwrap();
    let (_server, store) = lasting.block_on(log());
    for round in 0..4 {
        let life = Runtime::new().unwrap();
        lasting.block_on(async {
            for number in 0..10 {
                happens(&store, &format!("trip {round} {number}"), made()).await;
            }
        });
        life.block_on(async {
            let running = Running::start(&store);
            if round % 2 == 0 {
                trip_is(&store, &format!("trip {round} {round}"), &Trip::Asked).await;
            }
            running.kill();
        });
        // Whatever it is doing ends here.
        drop(life);
    }
    lasting.block_on(async {
        let running = Running::start(&store);
        for (round, number) in (0..4).flat_map(|round| (0..10).map(move |number| (round, number))) {
            let id = format!("trip {round} {number}");
            trip_is(&store, &id, &Trip::Asked).await;
            assert_eq!(events(&store, &id).await, 1, "{id}");
        }
        let distinct = || async {
            let mut commands = sent(&store).await;
            commands.sort();
            commands.dedup();
            commands.len() == 40
        };
        until("every hotel is asked", distinct).await;
        running.stop().await;
    });
}

#[tokio::test]
async fn a_broker_that_was_killed_comes_back_and_the_sagas_go_on() {
    let (server, store) = log().await;
    let running = Running::start(&store);
    for round in 1..=3_u64 {
        happens(&store, &format!("trip {round}"), made()).await;
        server.kill().unwrap();
        server.restarted(round).await;
        trip_is(&store, &format!("trip {round}"), &Trip::Asked).await;
    }
    sent_are(&store, 3).await;
    running.stop().await;
}

#[tokio::test]
async fn a_log_that_was_replaced_is_refused() {
    let (_server, store) = log().await;
    let (_other_server, other) = log().await;
    happens(&store, "a", made()).await;
    happens(&store, "b", made()).await;
    let running = Running::start(&store);
    trip_is(&store, "b", &Trip::Asked).await;
    running.stop().await;
    // The checkpoint of the one beside the log of the other.
    let lease = store.lease("saga-trip", uuid::Uuid::from_u128(1)).await;
    other.lease("saga-trip", uuid::Uuid::from_u128(1)).await.release(lease.note().clone()).await;
    let error = Running::start(&other).ended().await;
    assert!(matches!(error, RunError::Log(StoreError::Corrupt(_))), "{error}");
}
