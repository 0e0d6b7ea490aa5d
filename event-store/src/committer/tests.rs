//! The queue, filled on the real broker. Callers are polled by hand, and the runtime has one thread: so nothing is
//! answered before all of them have come.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use event_model::{EntityName, Metadata, Position, Version};
use futures_util::StreamExt as _;
use futures_util::future::FutureExt as _;
use nats_launcher::Server;
use tokio::task::unconstrained;
use uuid::Uuid;

use super::*;
use crate::envelope::{self, Draft};
use crate::{Connection, EventStore, Settings, subjects};

type Caller = BoxFuture<'static, Answer>;

/// More than the queue takes, whatever goes by itself before it.
const CALLERS: usize = QUEUE + 2000;

async fn log() -> (Server, EventStore) {
    let server = Server::throwaway().await.unwrap();
    let connection = Connection::open(&server.url()).await.unwrap();
    let store = EventStore::open(connection, Settings::default()).await.unwrap();
    store.settle().await.unwrap();
    (server, store)
}

/// An append of so many events to an entity of its own.
fn messages(name: &str, events: u64) -> Vec<Outgoing> {
    let entity = EntityName::new("queued", name);
    let metadata = Metadata::first(Uuid::now_v7(), time::OffsetDateTime::UNIX_EPOCH);
    let subject = Arc::<str>::from(subjects::append(&entity));
    let message = |version| {
        let draft = Draft {
            id: Uuid::now_v7(),
            event_type: "queued",
            version: Version::new(version),
            data: Bytes::from_static(b"{}"),
        };
        let headers = envelope::headers(&draft, &entity, &metadata, None).unwrap();
        Outgoing { subject: subject.clone(), relies_on: None, headers, data: draft.data }
    };
    (1..=events).map(message).collect()
}

fn caller(store: &EventStore, name: &str, events: u64) -> Caller {
    let (committer, messages) = (store.committer().clone(), messages(name, events));
    let by = Instant::now() + Duration::from_mins(5);
    async move { committer.append(messages, Company::Anybody, by).await }.boxed()
}

/// Lets each of them come, in their order.
async fn all_come(callers: &mut [Caller]) {
    let come = poll_fn(|context| {
        for caller in &mut *callers {
            assert!(caller.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    });
    unconstrained(come).await;
}

/// What each of them hears, with its number.
async fn answers(callers: Vec<Caller>) -> Vec<(usize, Answer)> {
    let numbered = callers.into_iter().enumerate().map(|(number, caller)| caller.map(move |it| (number, it)));
    numbered.collect::<futures_util::stream::FuturesUnordered<_>>().collect().await
}

fn room(store: &EventStore) -> usize {
    store.committer().0.door.available_permits()
}

fn stored_at(answer: &Answer) -> usize {
    let Answer::Stored { sequence, duplicate: false } = answer else { panic!("{answer:?}") };
    usize::try_from(sequence.get()).unwrap()
}

async fn events_of(store: &EventStore, name: &str) -> usize {
    let deadline = Instant::now() + Duration::from_mins(1);
    store.chunk(&EntityName::new("queued", name), Position::START, deadline).await.unwrap().entries.len()
}

#[tokio::test]
async fn a_full_queue_holds_callers_back_and_answers_each_in_its_turn() {
    let (_server, store) = log().await;
    let mut callers: Vec<_> = (0..CALLERS).map(|n| caller(&store, &n.to_string(), 1)).collect();
    all_come(&mut callers).await;
    assert_eq!(room(&store), 0, "the queue is full, and the others wait at its door");

    let mut heard = answers(callers).await;
    heard.sort_by_key(|(number, _)| *number);
    assert_eq!(heard.len(), CALLERS, "none is left without an answer, and none is refused");
    let mut positions: Vec<_> = heard.iter().map(|(_, answer)| stored_at(answer)).collect();
    let last = store.head().await.unwrap().get();
    for (number, position) in positions.iter().enumerate() {
        assert!(
            position.abs_diff(number) <= 2 * MOST_EVENTS,
            "caller {number} was stored at {position} of {last}"
        );
    }
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), CALLERS);
    assert_eq!(room(&store), QUEUE, "no place is lost");
}

#[tokio::test]
async fn who_goes_away_in_the_queue_leaves_nothing_half_done_and_no_room_for_more() {
    let (_server, store) = log().await;
    let mut callers: Vec<_> = (0..CALLERS).map(|n| caller(&store, &n.to_string(), 2)).collect();
    all_come(&mut callers).await;
    let mut gone = Vec::new();
    let mut staying = Vec::new();
    for (number, caller) in callers.into_iter().enumerate() {
        if number % 3 == 0 {
            gone.push(number);
        } else {
            staying.push(caller);
        }
    }
    assert_eq!(room(&store), 0, "callers who come and go do not make the queue longer");

    let stay = staying.len();
    let heard = answers(staying).await;
    let ends = heard.iter().filter(|(_, answer)| stored_at(answer).is_multiple_of(2));
    assert_eq!(ends.count(), stay, "each is stored as a whole");
    for number in gone {
        let stored = events_of(&store, &number.to_string()).await;
        // The first ones were in the batch that gathered, and so on their way.
        assert!(stored == 0 || (stored == 2 && number < MOST_EVENTS / 2), "{number}: {stored}");
    }
    assert_eq!(room(&store), QUEUE, "no place is lost");
}
