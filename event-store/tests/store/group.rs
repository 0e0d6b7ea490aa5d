//! Appends that wait together share a batch, and none suffers for another.

use std::sync::atomic::{AtomicUsize, Ordering};

use event_model::{EntityName, Metadata, Position, Version};
use event_store::{EventStore, Stand, StoreError, Write};
use futures_util::future::join_all;

use crate::toy::{Jar, JarCommand, JarEvent, command, jar, log};

fn write(name: &str, stand: Stand, metadata: &Metadata) -> Write {
    Write::new(EntityName::new("jar", name), stand, &[JarEvent::CoinsAdded { coins: 1 }], metadata).unwrap()
}

async fn append(store: &EventStore, name: String, stand: Stand) -> (String, Result<Position, StoreError>) {
    let metadata = command();
    let stored = store.append(&[write(&name, stand, &metadata)], &metadata).await;
    (name, stored)
}

/// How many of the first messages went in a batch.
async fn batched(store: &EventStore, messages: u64) -> usize {
    let mut found = 0;
    for position in 1..=messages {
        let ask = format!(r#"{{"seq":{position}}}"#);
        let answer =
            store.connection().client().request("$JS.API.DIRECT.GET.EVENTS", ask.into()).await.unwrap();
        found += usize::from(answer.headers.unwrap().get("Nats-Batch-Id").is_some());
    }
    found
}

#[tokio::test]
async fn many_at_once_share_a_batch_and_each_hears_its_own_position() {
    let (_server, store) = log().await;
    let all = (0..100).map(|n| append(&store, format!("jar-{n}"), Stand::default()));
    let stored = join_all(all).await;
    for (name, position) in stored {
        let read = store.load::<Jar>(&jar(&name)).await.unwrap();
        assert_eq!((read.version, read.position), (Version::new(1), position.unwrap()), "{name}");
    }
    assert!(batched(&store, 100).await >= 50);
}

#[tokio::test]
async fn the_innocent_go_through_without_the_guilty() {
    let (_server, store) = log().await;
    for guilty in ["jar-3", "jar-33"] {
        append(&store, guilty.to_owned(), Stand::default()).await.1.unwrap();
    }
    // Two are not where they are said to be, and two more meet on one subject.
    let names = (0..60).map(|n| format!("jar-{n}")).chain(["jar-7".to_owned()]);
    let stored = join_all(names.map(|name| append(&store, name, Stand::default()))).await;
    let lost: Vec<_> = stored.iter().filter(|(_, stored)| stored.is_err()).collect();
    assert!(lost.iter().all(|(_, stored)| matches!(stored, Err(StoreError::Conflict { .. }))), "{lost:?}");
    let mut names: Vec<_> = lost.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["jar-3", "jar-33", "jar-7"]);
    assert_eq!(store.head().await.unwrap(), Position::new(60));
    for n in 0..60 {
        assert_eq!(store.load::<Jar>(&format!("jar-{n}")).await.unwrap().version, Version::new(1));
    }
}

#[tokio::test]
async fn who_goes_away_leaves_nothing_half_done() {
    let (_server, store) = log().await;
    let both = |n: u32| {
        let store = store.clone();
        async move {
            let metadata = command();
            let writes = [format!("left-{n}"), format!("right-{n}")]
                .map(|name| write(&name, Stand::default(), &metadata));
            store.append(&writes, &metadata).await
        }
    };
    let callers: Vec<_> = (0..40).map(|n| tokio::spawn(both(n))).collect();
    callers.iter().skip(1).step_by(2).for_each(tokio::task::JoinHandle::abort);
    for caller in callers {
        // Aborted ones may have been too early, or too late, to matter.
        let _ = caller.await;
    }
    append(&store, "last".to_owned(), Stand::default()).await.1.unwrap();
    for n in 0..40 {
        let left = store.load::<Jar>(&format!("left-{n}")).await.unwrap().version;
        let right = store.load::<Jar>(&format!("right-{n}")).await.unwrap().version;
        assert_eq!(left, right, "{n}");
        assert!(n % 2 == 1 || left == Version::new(1), "{n}");
    }
}

#[tokio::test]
async fn of_many_who_change_one_entity_again_and_again_none_is_overtaken_for_long() {
    const CALLERS: usize = 20;
    const EACH: usize = 30;
    let (_server, store) = log().await;
    let stored = AtomicUsize::new(0);
    let call = |_| async {
        let mut most = 0;
        for _ in 0..EACH {
            let before = stored.load(Ordering::Relaxed);
            let (jar, metadata) = (jar("hot"), command());
            store.execute::<Jar>(&jar, JarCommand::Add(1), &metadata).await.unwrap();
            most = most.max(stored.fetch_add(1, Ordering::Relaxed) - before);
        }
        most
    };
    let overtaken = join_all((0..CALLERS).map(call)).await;
    assert_eq!(store.load::<Jar>(&jar("hot")).await.unwrap().state.coins, (CALLERS * EACH) as u64);
    assert!(overtaken.iter().all(|times| *times <= 2 * CALLERS), "{overtaken:?}");
}
