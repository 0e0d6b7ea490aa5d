//! A view follows its log: through stops, crashes and other versions.

use std::collections::BTreeMap;
use std::time::Duration;

use event_model::Position;
use event_store::StoreError;
use projections::{Order, Query, RunError, Waited};
use tokio::runtime::Runtime;

use crate::place::Place;
use crate::toy::{Node, log, raise, rows};

#[tokio::test]
async fn the_rows_are_the_fold_of_the_log() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let mut expected = BTreeMap::new();
    let mut last = Position::START;
    for number in 0..200_u64 {
        let counter = format!("counter {}", number % 7);
        last = raise(&store, &counter, number).await;
        let (total, events) = expected.entry(counter).or_insert((0, 0));
        (*total, *events) = (*total + number, *events + 1);
    }
    node.reaches(last).await;
    let expected: Vec<_> = expected.into_iter().map(|(key, (total, events))| (key, total, events)).collect();
    assert_eq!(rows(&node.views).await, expected);
    let status = node.tells(|status| status.caught_up).await;
    assert_eq!((status.position, status.behind, status.running), (last, Some(0), true));
    assert!(status.last_event_time.is_some() && status.error.is_none());
    let page = node.views.list("tallies", &Query::new(Order::NewestFirst, 1)).await.unwrap();
    assert_eq!((page.position, page.rows[0].key.as_str()), (last, "counter 6"));
    let one = node.views.get("tallies", "counter 0").await.unwrap().unwrap();
    assert_eq!(one.first_position, Position::new(1));
    assert!(node.views.get("tallies", "counter 7").await.unwrap().is_none());
}

#[tokio::test]
async fn a_stopped_worker_goes_on_where_it_stopped() {
    let (_server, store) = log().await;
    let place = Place::make();
    for round in 1..=4 {
        raise(&store, "a", 1).await;
        let last = raise(&store, "b", 1).await;
        let node = Node::start::<1>(&place, &store).await;
        node.reaches(last).await;
        let views = node.stop().await;
        assert_eq!(rows(&views).await, [("a".into(), round, round), ("b".into(), round, round)]);
        assert!(!views.statuses()[0].running);
    }
}

#[test]
fn a_crash_at_any_moment_applies_nothing_twice_and_leaves_nothing_out() {
    let lasting = Runtime::new().unwrap();
    let (_server, store) = lasting.block_on(log());
    let place = Place::make();
    for round in 1..=20_u64 {
        let last = lasting.block_on(raise(&store, "a", 1));
        let life = Runtime::new().unwrap();
        let node = life.block_on(Node::start::<1>(&place, &store));
        if round % 2 == 0 {
            life.block_on(node.reaches(last));
        }
        // Whatever it is doing ends here.
        drop(life);
    }
    lasting.block_on(async {
        let node = Node::start::<1>(&place, &store).await;
        node.reaches(raise(&store, "a", 1).await).await;
        assert_eq!(rows(&node.views).await, [("a".into(), 21, 21)]);
    });
}

#[tokio::test]
async fn a_killed_broker_comes_back_and_the_view_goes_on() {
    let (server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let mut last = raise(&store, "a", 1).await;
    node.reaches(last).await;
    for round in 1..=3 {
        server.kill().unwrap();
        assert_eq!(rows(&node.views).await, [("a".into(), round, round)]);
        server.restarted(round).await;
        last = raise(&store, "a", 1).await;
        node.reaches(last).await;
    }
    assert_eq!(rows(&node.views).await, [("a".into(), 4, 4)]);
    node.stop().await;
}

#[tokio::test]
async fn a_log_that_was_replaced_is_refused() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    raise(&store, "a", 1).await;
    let last = raise(&store, "a", 1).await;
    node.reaches(last).await;
    node.stop().await;

    let (_other_server, other) = log().await;
    raise(&other, "b", 1).await;
    for (reason, line) in [("shorter", "the log ends at position 1"), ("another", "another event lies at")] {
        let (error, views) = Node::start::<1>(&place, &other).await.ended().await;
        assert!(matches!(error, RunError::Log(StoreError::Corrupt(_))), "{reason}: {error}");
        let status = views.statuses().remove(0);
        assert!(status.error.clone().is_some_and(|error| error.contains(line)), "{status:?}");
        assert!(!status.caught_up && !status.running);
        assert_eq!(rows(&views).await, [("a".into(), 2, 2)]);
        raise(&other, "b", 1).await;
    }
}

#[tokio::test]
async fn who_waits_is_told_how_far_the_view_is() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let last = raise(&store, "a", 1).await;
    node.reaches(last).await;
    let waited = node.views.wait_for("tallies", last.next(), Duration::from_millis(20)).await.unwrap();
    assert_eq!(waited, Waited::Behind { position: last });
    let (waited, raised) = tokio::join!(node.reaches(last.next()), raise(&store, "a", 1));
    assert_eq!((waited, raised), ((), last.next()));
}

#[tokio::test]
async fn a_view_that_another_process_drives_is_looked_at() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let api = place.views().await;
    api.register::<crate::toy::Tallies<1>>().await.unwrap();
    let last = raise(&store, "a", 1).await;
    node.reaches(last).await;
    assert_eq!(api.wait_for("tallies", last, Duration::ZERO).await.unwrap(), Waited::Reached);
    assert_eq!(rows(&api).await, [("a".into(), 1, 1)]);
}
