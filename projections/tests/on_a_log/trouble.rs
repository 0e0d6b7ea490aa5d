//! What must not stop a view.

use event_model::{EntityName, Event, Metadata, Position};
use event_store::{EventStore, Stand, Write};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::place::Place;
use crate::toy::{Counter, Node, log, raise, rows};

/// What a newer program, or another tool, may store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Other {
    CounterPainted { colour: String },
}

impl Event for Other {
    const TYPES: &'static [&'static str] = &["counter-painted"];

    fn event_type(&self) -> &'static str {
        "counter-painted"
    }
}

pub(crate) async fn paint(store: &EventStore, category: &str, id: &str) -> Position {
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    let events = [Other::CounterPainted { colour: "red".into() }];
    let stand = store.load::<Counter>(&id.to_owned()).await.unwrap().stand();
    let stand = if category == "counter" { stand } else { Stand::default() };
    let write = Write::new(EntityName::new(category, id), stand, &events, &metadata).unwrap();
    store.append(&[write], &metadata).await.unwrap()
}

/// Something that is no event, and where it lies.
async fn scribble(store: &EventStore, subject: &str) -> Position {
    let client = store.connection().client();
    client.request(subject.to_owned(), "no event".into()).await.unwrap();
    store.head().await.unwrap()
}

#[tokio::test]
async fn what_is_no_event_is_stepped_over() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    scribble(&store, "append.counter.a").await;
    raise(&store, "a", 1).await;
    raise(&store, "b", 1).await;
    scribble(&store, "append.counter").await;
    let last = scribble(&store, "append.x.y.z").await;
    node.reaches(last).await;
    assert_eq!(rows(&node.views).await, [("a".into(), 1, 1), ("b".into(), 1, 1)]);
    assert_eq!(node.tells(|status| status.caught_up).await.error, None);
}

#[tokio::test]
async fn the_checkpoint_follows_events_that_touch_no_row() {
    let (_server, store) = log().await;
    let place = Place::make();
    let checkpoint = || place.lines("SELECT position FROM checkpoints");
    let node = Node::start::<1>(&place, &store).await;
    for number in 1..=3 {
        let last = paint(&store, "wall", &number.to_string()).await;
        node.reaches(last).await;
    }
    let page =
        node.views.list("tallies", &projections::Query::new(projections::Order::KeyAscending, 1)).await;
    assert_eq!(page.unwrap().position, Position::new(3));
    node.stop().await;
    assert_eq!(checkpoint(), ["3"]);
}

#[tokio::test]
async fn a_home_that_fails_is_shown_and_tried_again() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let before = raise(&store, "a", 1).await;
    node.reaches(before).await;

    place.break_checkpoints();
    let last = raise(&store, "a", 1).await;
    let status = node.tells(|status| status.error.is_some()).await;
    let line = status.error.unwrap_or_default();
    assert!(line.starts_with("the views cannot be read or written") && line.contains("broken"), "{line}");
    assert_eq!((status.position, status.running), (before, true));
    assert_eq!(rows(&node.views).await, [("a".into(), 1, 1)]);

    place.mend_checkpoints();
    node.reaches(last).await;
    assert_eq!(rows(&node.views).await, [("a".into(), 2, 2)]);
    assert_eq!(node.tells(|status| status.error.is_none()).await.position, last);
}
