//! A view built anew beside the rows that serve: all old or all new, never fewer.

use event_store::EventStore;
use projections::{Answer, Asked};
use tokio::runtime::Runtime;

use crate::place::Place;
use crate::toy::{Node, log, raise, raise_often, rows};

async fn fill(store: &EventStore, counters: u64) {
    for counter in 0..counters {
        raise(store, &format!("c{counter}"), 1).await;
    }
}

/// Rebuilt rows can be told from others: in them this counter is right.
fn falsify(place: &Place, counter: &str) {
    place.change(&format!(
        "UPDATE tallies SET row = '{{\"total\":99,\"events\":99}}' WHERE key = '{counter}'"
    ));
}

fn done(answer: Answer) -> String {
    let Answer::Done(done) = answer else { panic!("{answer:?}") };
    done
}

#[tokio::test]
async fn lists_see_all_of_the_old_rows_or_all_of_the_new_ones() {
    let (_server, store) = log().await;
    let place = Place::make();
    fill(&store, 50).await;
    let node = Node::start::<1>(&place, &store).await;
    node.reaches(store.head().await.unwrap()).await;
    falsify(&place, "c0");
    for generation in 2..=4 {
        done(node.ask(Asked::Rebuild).await);
        loop {
            let seen = rows(&node.views).await;
            assert!(seen.len() >= 50, "only {} rows", seen.len());
            if node.views.statuses()[0].generation == generation {
                break;
            }
            // Meanwhile the rows that serve follow the log.
            let last = raise(&store, &format!("new {generation}"), 1).await;
            node.reaches(last).await;
        }
    }
    let last = raise(&store, "c0", 1).await;
    node.reaches(last).await;
    assert!(rows(&node.views).await.contains(&("c0".into(), 2, 2)));
    let report = node.report().await;
    assert_eq!((report.generation, report.rebuild, report.error), (4, None, None));
    node.stop().await;
}

#[tokio::test]
async fn an_empty_log_is_built_at_once() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    done(node.ask(Asked::Rebuild).await);
    node.tells(|status| status.generation == 2 && status.rebuild.is_none()).await;
}

#[tokio::test]
async fn one_that_was_stopped_waits_through_a_restart_until_it_is_asked_to_go_on() {
    let (_server, store) = log().await;
    let place = Place::make();
    fill(&store, 3).await;
    let node = Node::start::<1>(&place, &store).await;
    node.reaches(store.head().await.unwrap()).await;
    assert!(matches!(node.ask(Asked::StopRebuild).await, Answer::Refused(_)));
    node.stop().await;
    // As if stopped in the middle: with the whole log at hand it would have been built before anybody could ask.
    for sql in [
        "CREATE TABLE tallies_2 AS SELECT * FROM tallies WHERE total IS NULL",
        "CREATE UNIQUE INDEX keys ON tallies_2 (key)",
        "INSERT INTO builds (view, version, layout, rows_in, position, updated, generation, stopped)
         SELECT view, version, layout, 'tallies_2', 0, updated, 2, TRUE FROM checkpoints",
    ] {
        place.lines(sql);
    }
    let node = Node::start::<1>(&place, &store).await;
    let waits = node.tells(|status| status.rebuild.is_some()).await.rebuild.unwrap();
    assert!(waits.stopped && waits.generation == 2);
    node.reaches(raise(&store, "c0", 1).await).await;
    assert_eq!(done(node.ask(Asked::StopRebuild).await), "generation 2 waits to be resumed");
    assert_eq!(done(node.ask(Asked::Rebuild).await), "generation 2 goes on being built");
    node.tells(|status| status.generation == 2 && status.rebuild.is_none()).await;
    let all = ["c0", "c1", "c2"].map(|counter| (counter.to_owned(), 1, 1));
    let mut expected = all.to_vec();
    expected[0] = ("c0".into(), 2, 2);
    assert_eq!(rows(&node.stop().await).await, expected);
}

#[tokio::test]
async fn one_that_runs_is_stopped_where_it_is_and_goes_on_from_there() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let mut last = store.head().await.unwrap();
    for counter in 0..20 {
        last = raise_often(&store, &format!("c{counter}"), 500).await;
    }
    node.reaches(last).await;
    let stopped = loop {
        done(node.ask(Asked::Rebuild).await);
        // It may be done before it hears of it.
        if let Answer::Done(stopped) = node.ask(Asked::StopRebuild).await {
            break stopped;
        }
    };
    assert!(stopped.ends_with("waits to be resumed"), "{stopped}");
    let waits = node.tells(|status| status.rebuild.as_ref().is_some_and(|built| built.stopped)).await;
    let (generation, built) = (waits.generation, waits.rebuild.unwrap());
    assert!(built.generation == generation + 1 && built.position < last, "{built:?}");

    last = raise(&store, "c0", 1).await;
    node.reaches(last).await;
    let waits = node.tells(|status| status.position == last).await;
    assert_eq!((waits.generation, waits.rebuild.unwrap().position), (generation, built.position));
    let goes_on = done(node.ask(Asked::Rebuild).await);
    assert_eq!(goes_on, format!("generation {} goes on being built", built.generation));
    node.tells(|status| status.generation == built.generation && status.rebuild.is_none()).await;
    let all = rows(&node.stop().await).await;
    assert_eq!((all.len(), &all[0], &all[1]), (20, &("c0".into(), 501, 501), &("c1".into(), 500, 500)));
}

#[tokio::test]
async fn another_version_is_built_beside_the_old_rows_which_serve_meanwhile() {
    let (server, store) = log().await;
    let place = Place::make();
    raise(&store, "a", 1).await;
    let last = raise(&store, "a", 2).await;
    let node = Node::start::<1>(&place, &store).await;
    node.reaches(last).await;
    assert_eq!(rows(&node.stop().await).await, [("a".into(), 3, 2)]);

    // Without the broker nothing can be built, and the old rows serve.
    server.pause().unwrap();
    let node = Node::start::<10>(&place, &store).await;
    assert_eq!(rows(&node.views).await, [("a".into(), 3, 2)]);
    assert_eq!(node.views.statuses()[0].version, 1);
    server.resume().unwrap();
    let status = node.tells(|status| status.version == 10).await;
    assert_eq!((status.generation, status.position), (2, last));
    node.reaches(raise(&store, "a", 1).await).await;
    assert_eq!(rows(&node.stop().await).await, [("a".into(), 40, 3)]);
}

#[test]
fn a_crash_at_any_moment_of_a_rebuild_loses_nothing() {
    let lasting = Runtime::new().unwrap();
    let (_server, store) = lasting.block_on(log());
    let place = Place::make();
    lasting.block_on(fill(&store, 40));
    let first = Runtime::new().unwrap();
    let node = first.block_on(Node::start::<1>(&place, &store));
    first.block_on(async { node.reaches(store.head().await.unwrap()).await });
    drop(node);
    drop(first);
    for round in 0..20_u32 {
        let life = Runtime::new().unwrap();
        life.block_on(async {
            let node = Node::start::<1>(&place, &store).await;
            done(node.ask(Asked::Rebuild).await);
            for _ in 0..round * 7 {
                tokio::task::yield_now().await;
            }
            assert_eq!(rows(&node.views).await.len(), 40);
        });
        // Whatever it is doing ends here.
        drop(life);
    }
    lasting.block_on(async {
        let node = Node::start::<1>(&place, &store).await;
        node.reaches(raise(&store, "c0", 1).await).await;
        node.tells(|status| status.rebuild.is_none()).await;
        let all = rows(&node.views).await;
        assert_eq!((all.len(), &all[0]), (40, &("c0".to_owned(), 2, 2)));
        node.stop().await;
    });
}
