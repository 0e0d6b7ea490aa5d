//! Histories and the log in pages, entities as they were, and several at once.

use event_model::{Decider as _, EntityName, Metadata, Position, Version};
use event_store::{Entry, EventStore, Write};
use time::{Duration, OffsetDateTime};

use crate::toy::{Jar, JarCommand, JarEvent, command, fill, folded, jar, log, open};

fn versions(page: &[event_model::Recorded]) -> Vec<u64> {
    page.iter().map(|event| event.version.unwrap().get()).collect()
}

async fn stray(store: &EventStore, name: &str) {
    let subject = event_store::subjects::append(&EntityName::new("jar", name));
    store.connection().client().request(subject, "?".into()).await.unwrap();
}

#[tokio::test]
async fn a_history_is_paged_from_its_newest_event_back() {
    let (_server, store) = log().await;
    for n in 0..30 {
        store.execute::<Jar>(&jar("a"), JarCommand::Add(n), &command()).await.unwrap();
        store.execute::<Jar>(&jar("b"), JarCommand::AddTwice(n), &command()).await.unwrap();
        if n % 7 == 3 {
            stray(&store, "a").await;
        }
    }
    stray(&store, "b").await;
    for (name, last) in [("a", 30), ("b", 60)] {
        let (mut seen, mut before) = (Vec::new(), u64::MAX);
        loop {
            let (page, more) =
                store.history_before::<Jar>(&jar(name), Version::new(before), 7).await.unwrap();
            seen.extend(versions(&page));
            before = *seen.last().unwrap();
            if !more {
                break;
            }
            assert_eq!(page.len(), 7);
        }
        assert_eq!(seen, (1..=last).rev().collect::<Vec<_>>());
        for before in [0, 1, 2, 5, 30, 31] {
            let (page, more) =
                store.history_before::<Jar>(&jar(name), Version::new(before), 3).await.unwrap();
            assert_eq!(versions(&page), (1..before).rev().take(3).collect::<Vec<_>>(), "before {before}");
            assert_eq!(more, before > 4);
        }
    }
    let nothing = store.history_before::<Jar>(&jar("c"), Version::new(9), 3).await.unwrap();
    assert_eq!(nothing, (vec![], false));
}

#[tokio::test]
async fn a_page_of_a_long_history_is_found_from_either_end() {
    let (_server, store) = log().await;
    for _ in 0..3 {
        fill(&store, "a", 700).await;
        fill(&store, "b", 300).await;
    }
    for at in [1, 2, 3, 65, 700, 701, 999, 1000, 1001, 1500, 2035, 2036, 2037, 2099, 2100, 2101, 5000] {
        let (page, more) = store.history_before::<Jar>(&jar("a"), Version::new(at), 5).await.unwrap();
        assert_eq!(versions(&page), (1..at.min(2101)).rev().take(5).collect::<Vec<_>>(), "before {at}");
        assert_eq!(more, at > 6, "before {at}");
        let (page, more) = store.history::<Jar>(&jar("a"), Version::new(at), 5).await.unwrap();
        assert_eq!(versions(&page), (at + 1..=2100).take(5).collect::<Vec<_>>(), "after {at}");
        assert_eq!(more, at < 2095, "after {at}");
    }
}

#[tokio::test]
async fn an_entity_is_shown_as_it_was_at_a_time() {
    let (_server, store) = log().await;
    let began = OffsetDateTime::now_utc();
    let second = |n: i64| began + Duration::seconds(n);
    // Clocks differ: the third was taken in before the second, by what its node thought.
    for (n, at) in [10, 30, 20, 40].into_iter().chain(41..80).enumerate() {
        let metadata = Metadata { time: second(at), ..command() };
        store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &metadata).await.unwrap();
        assert!(
            n < 4
                || store.load_at_time::<Jar>(&jar("a"), second(at)).await.unwrap().version.get()
                    == n as u64 + 1
        );
    }
    for (at, version) in
        [(0, 0), (9, 0), (10, 1), (19, 1), (20, 3), (35, 3), (40, 4), (60, 24), (79, 43), (99, 43)]
    {
        let then = store.load_at_time::<Jar>(&jar("a"), second(at)).await.unwrap();
        assert_eq!((then.version.get(), then.state.coins), (version, version), "second {at}");
    }
    assert_eq!(store.load_at_time::<Jar>(&jar("b"), second(9)).await.unwrap().version, Version::START);
}

#[tokio::test]
async fn the_log_is_paged_in_both_directions() {
    let (_server, store) = log().await;
    assert_eq!(store.log_after(Position::START, 10).await.unwrap(), (vec![], false));
    assert_eq!(store.log_before(Position::new(9), 10).await.unwrap(), (vec![], false));
    fill(&store, "a", 1200).await;
    fill(&store, "b", 47).await;
    stray(&store, "b").await;
    let all = |entries: &[Entry]| entries.iter().map(|entry| entry.position().get()).collect::<Vec<_>>();
    let (mut seen, mut after) = (Vec::new(), Position::START);
    loop {
        let (page, more) = store.log_after(after, 400).await.unwrap();
        seen.extend(all(&page));
        after = page.last().unwrap().position();
        if !more {
            break;
        }
    }
    assert_eq!(seen, (1..=1248).collect::<Vec<_>>());
    let (mut seen, mut before) = (Vec::new(), Position::new(u64::MAX));
    loop {
        let (page, more) = store.log_before(before, 100_000).await.unwrap();
        seen.extend(all(&page));
        before = page.last().unwrap().position();
        if !more {
            break;
        }
    }
    assert_eq!(seen, (1..=1248).rev().collect::<Vec<_>>());
    let (page, more) = store.log_before(Position::new(11), 10).await.unwrap();
    assert_eq!((all(&page), more), ((1..=10).rev().collect(), false));
    assert_eq!(store.log_after(Position::new(1248), 5).await.unwrap(), (vec![], false));
    assert_eq!(store.log_before(Position::new(1), 5).await.unwrap(), (vec![], false));
    let (page, _) = store.log_before(Position::new(1249), 1).await.unwrap();
    assert!(matches!(&page[..], [Entry::Foreign(_)]), "{page:?}");
}

#[tokio::test]
async fn many_entities_are_loaded_as_each_would_be() {
    let (server, store) = log().await;
    for n in 0..300 {
        fill(&store, &format!("jar-{n}"), 1 + n % 3 * n % 20).await;
    }
    stray(&store, "jar-7").await;
    let mut names: Vec<_> = (0..300).map(|n| format!("jar-{n}")).collect();
    names.extend(["nobody".to_owned(), "jar-3".to_owned(), "jar-3".to_owned()]);
    for node in [&open(&server).await, &store] {
        // Cold, then remembered, then behind.
        for round in 0..3 {
            let loaded = node.load_many::<Jar>(&names).await.unwrap();
            assert_eq!(loaded.len(), names.len());
            for (name, loaded) in names.iter().zip(&loaded).step_by(if round == 0 { 1 } else { 17 }) {
                let read = ((*loaded.state).clone(), loaded.version, loaded.position);
                assert_eq!(read, folded(&store, name).await, "{name}");
            }
            fill(&store, "jar-3", 1).await;
        }
    }
    assert!(store.load_many::<Jar>(&[]).await.unwrap().is_empty());
    let metadata = command();
    let stand = store.load_many::<Jar>(&names[..1]).await.unwrap()[0].stand();
    let write =
        Write::new(EntityName::new(Jar::CATEGORY, "jar-0"), stand, &[JarEvent::JarSealed {}], &metadata);
    store.append(&[write.unwrap()], &metadata).await.unwrap();
}
