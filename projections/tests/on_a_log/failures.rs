//! An event that a projection cannot apply: its row waits, everything else goes on, and an operator decides.

use std::sync::atomic::{AtomicBool, Ordering};

use event_model::{Column, Projection, Recorded, Unreadable};
use event_store::EventStore;
use projections::{Answer, Asked};

use crate::place::Place;
use crate::toy::{CounterEvent, Node, Tallies, Tally, log, raise, rows};
use crate::trouble::paint;

/// A program that cannot count to thirteen, until it is mended.
#[derive(Debug)]
struct Superstitious;

static MENDED: AtomicBool = AtomicBool::new(false);

impl Projection for Superstitious {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = Tallies::<1>::INDEXES;
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Tallies::<1>::keys(event)
    }

    fn project(key: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        let CounterEvent::CounterRaised { by } = event.decode()?;
        assert!(by != 13 || MENDED.load(Ordering::SeqCst), "thirteen");
        Tallies::<1>::project(key, row, event)
    }

    fn columns(row: &Tally) -> Vec<(&'static str, Column)> {
        Tallies::<1>::columns(row)
    }
}

async fn poisoned(store: &EventStore) -> event_model::Position {
    raise(store, "a", 1).await;
    raise(store, "a", 13).await;
    raise(store, "a", 1).await;
    raise(store, "b", 1).await
}

fn key(key: &str) -> String {
    key.to_owned()
}

#[tokio::test]
async fn a_poisoned_row_waits_through_restarts_and_rebuilds_until_its_projection_is_mended() {
    let (_server, store) = log().await;
    let place = Place::make();
    let last = poisoned(&store).await;
    let node = Node::of::<Superstitious>(&place, &store).await;
    node.reaches(last).await;
    assert_eq!(rows(&node.views).await, [(key("a"), 1, 1), (key("b"), 1, 1)]);
    assert_eq!(node.tells(|status| status.failures == 1).await.error, None);
    let Answer::Refused(why) = node.ask(Asked::Retry(Some(key("a")))).await else { panic!("it is mended") };
    assert!(why.contains("thirteen"), "{why}");
    node.stop().await;

    let node = Node::of::<Superstitious>(&place, &store).await;
    let last = raise(&store, "a", 1).await;
    node.reaches(last).await;
    let Answer::Done(_) = node.ask(Asked::Rebuild).await else { panic!("it is refused") };
    node.tells(|status| status.generation == 2).await;
    assert_eq!(rows(&node.views).await, [(key("a"), 1, 1), (key("b"), 1, 1)]);
    let Answer::Failure(failed) = node.ask(Asked::Failure(key("a"))).await else { panic!("it is gone") };
    assert_eq!((failed.failure.position.get(), failed.failure.waiting), (2, 2));
    assert_eq!(failed.row.as_deref(), Some(r#"{"total":1,"events":1}"#));

    MENDED.store(true, Ordering::SeqCst);
    assert_eq!(node.ask(Asked::Retry(None)).await, Answer::Done("rows that go on: 1".into()));
    assert_eq!(rows(&node.views).await, [(key("a"), 16, 4), (key("b"), 1, 1)]);
    node.tells(|status| status.failures == 0).await;
    node.reaches(raise(&store, "a", 1).await).await;
    assert_eq!(rows(&node.stop().await).await[0], (key("a"), 17, 5));
}

#[tokio::test]
async fn what_is_stepped_over_stays_so_after_a_rebuild() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    raise(&store, "a", 1).await;
    // What a newer program may store.
    let painted = paint(&store, "counter", "a").await;
    // Appended behind it, with nothing decided on what was not understood.
    let last = raise(&store, "b", 1).await;
    node.reaches(last).await;
    let status = node.tells(|status| status.failures == 1).await;
    assert!(status.caught_up && status.error.is_none());
    let skip = Asked::Skip { key: key("a"), reason: "colours are not counted".into() };
    let Answer::Done(done) = node.ask(skip.clone()).await else { panic!("it is refused") };
    assert!(done.contains(&format!("position {painted} is stepped over, the row \"a\" goes on")), "{done}");
    assert!(matches!(node.ask(skip).await, Answer::NotFound(_)));
    assert_eq!(node.tells(|status| status.failures == 0).await.generation, 1);
    node.ask(Asked::Rebuild).await;
    assert_eq!(node.tells(|status| status.generation == 2).await.failures, 0);
    assert_eq!(rows(&node.views).await, [(key("a"), 1, 1), (key("b"), 1, 1)]);
    let Answer::Failures(failures) = node.ask(Asked::Failures).await else { panic!("it does not tell") };
    assert_eq!((failures.count, failures.first), (0, Vec::new()));
}
