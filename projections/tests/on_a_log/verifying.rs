//! Whether the rows are the fold of the log, and what is told when they are not.

use event_store::{EventStore, StoreError};
use projections::{Asked, Difference, Verified, VerifyError, verify};

use crate::place::Place;
use crate::toy::{Node, Tallies, log, raise, rows};
use crate::trouble::paint;

async fn verified<const VERSION: u32>(place: &Place, store: &EventStore) -> Result<Verified, VerifyError> {
    let scratch = tempfile::tempdir().unwrap();
    let mut heard = Vec::new();
    let progress = |read, goal| heard.push((read, goal));
    let verified = verify::<Tallies<VERSION>>(&place.address(), store, scratch.path(), progress).await?;
    assert!(verified.position.get() == 0 || heard.last().is_some_and(|(read, goal)| read == goal));
    Ok(verified)
}

fn keys(verified: &Verified) -> Vec<&str> {
    verified.first.iter().map(|difference| difference.key.as_str()).collect()
}

#[tokio::test]
async fn rows_that_their_worker_wrote_are_equal_and_an_edited_one_is_found() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    for counter in ["a", "b", "c", "a"] {
        raise(&store, counter, 1).await;
    }
    // A row that waits is as it must be.
    raise(&store, "d", 1).await;
    paint(&store, "counter", "d").await;
    let last = paint(&store, "wall", "x").await;
    node.reaches(last).await;
    let found = verified::<1>(&place, &store).await.unwrap();
    assert_eq!((found.rows, found.different, found.damage.len()), (4, 0, 0), "{found:?}");
    assert!(found.position.get() >= 6 && found.generation == 1);

    place.change("UPDATE tallies SET row = '{\"total\":5,\"events\":2}' WHERE key = 'a'");
    place.change("DELETE FROM tallies WHERE key = 'b'");
    place.change("UPDATE tallies SET total = 8 WHERE key = 'c'");
    place.change("INSERT INTO tallies VALUES ('e', 1, 1, '{}', 1)");
    place.change("DELETE FROM failures");
    let found = verified::<1>(&place, &store).await.unwrap();
    assert_eq!((found.different, keys(&found)), (5, vec!["a", "b", "c", "d", "e"]));
    let difference = |index: usize| &found.first[index];
    let row = |image: &Option<projections::Image>| image.as_ref().and_then(|image| image.row.clone());
    assert_eq!(row(&difference(0).should_be).as_deref(), Some(r#"{"total":2,"events":2}"#));
    assert_eq!(row(&difference(0).is).as_deref(), Some(r#"{"total":5,"events":2}"#));
    assert!(difference(1).is.is_none() && difference(4).should_be.is_none());
    let columns = |Difference { should_be, is, .. }: &Difference| {
        [should_be, is].map(|image| image.as_ref().unwrap().columns.clone())
    };
    assert_eq!(columns(difference(2)), [["1"], ["8"]]);
    assert!(difference(3).should_be.as_ref().unwrap().set_aside.is_some());
    node.stop().await;
}

#[tokio::test]
async fn of_many_differences_all_are_counted_and_twenty_are_told() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    let mut last = raise(&store, "c00", 1).await;
    for counter in 1..25 {
        last = raise(&store, &format!("c{counter:02}"), 1).await;
    }
    node.reaches(last).await;
    assert_eq!(place.lines("DELETE FROM tallies WHERE key <> 'c00' RETURNING 1").len(), 24);
    let found = verified::<1>(&place, &store).await.unwrap();
    let first: Vec<_> = (1..=20).map(|counter| format!("c{counter:02}")).collect();
    assert_eq!((found.different, keys(&found)), (24, first.iter().map(String::as_str).collect()));
    node.stop().await;
}

#[tokio::test]
async fn a_rebuild_mends_what_was_found_while_events_come() {
    let (_server, store) = log().await;
    let place = Place::make();
    let node = Node::start::<1>(&place, &store).await;
    for counter in 0..30 {
        raise(&store, &format!("c{counter}"), 1).await;
    }
    node.reaches(store.head().await.unwrap()).await;
    place.change("UPDATE tallies SET row = '{\"total\":5,\"events\":2}' WHERE key = 'c7'");
    assert_eq!(verified::<1>(&place, &store).await.unwrap().different, 1);
    let (asked, more) = tokio::join!(node.ask(Asked::Rebuild), raise(&store, "c7", 1));
    drop(asked);
    node.tells(|status| status.generation == 2).await;
    node.reaches(more).await;
    let (found, last) = tokio::join!(verified::<1>(&place, &store), raise(&store, "c8", 1));
    let found = found.unwrap();
    assert_eq!((found.different, found.generation), (0, 2), "{found:?}");
    node.reaches(last).await;
    assert_eq!(rows(&node.stop().await).await.len(), 30);
    assert_eq!(verified::<1>(&place, &store).await.unwrap().different, 0);
}

#[tokio::test]
async fn what_cannot_be_compared_is_told() {
    let (_server, store) = log().await;
    let place = Place::make();
    let missing = verified::<1>(&place, &store).await;
    assert!(
        matches!(missing, Err(VerifyError::View(_))) && place.try_lines("SELECT 1 FROM checkpoints").is_err()
    );
    let node = Node::start::<1>(&place, &store).await;
    node.reaches(raise(&store, "a", 1).await).await;
    node.stop().await;
    let other_version = verified::<10>(&place, &store).await.unwrap_err();
    assert!(other_version.to_string().contains("version 1, this program folds version 10"));
    let (_other_server, other) = log().await;
    let replaced = verified::<1>(&place, &other).await;
    assert!(matches!(replaced, Err(VerifyError::Log(StoreError::Corrupt(_)))), "{replaced:?}");
}
