//! A command sent again under its key happens once.

use crate::toy::{Jar, JarCommand, Sealed, command, jar, log, open};
use event_model::{Position, Version};
use event_store::{Done, Effect, EventStore, ExecuteError, Expected, IdempotencyKey, alone};

fn key(name: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey::new(name, "POST", "/jars/a/coins", body.as_bytes())
}

async fn once(
    store: &EventStore,
    key: &IdempotencyKey,
    id: &str,
    ask: JarCommand,
) -> Result<Done<Jar>, ExecuteError<Sealed>> {
    once_at(store, key, id, Expected::Newest, ask).await
}

async fn once_at(
    store: &EventStore,
    key: &IdempotencyKey,
    id: &str,
    expected: Expected,
    ask: JarCommand,
) -> Result<Done<Jar>, ExecuteError<Sealed>> {
    store.execute_once::<Jar, Sealed>(key, &jar(id), expected, ask, &command(), alone::<Jar, Sealed>).await
}

#[tokio::test]
async fn a_repetition_is_answered_as_the_first_time_on_any_node() {
    let (server, store) = log().await;
    let first = once(&store, &key("k", "1"), "a", JarCommand::AddTwice(1)).await.unwrap();
    store.execute::<Jar>(&jar("a"), JarCommand::Add(10), &command()).await.unwrap();
    for node in [&store, &open(&server).await] {
        let again = once(node, &key("k", "1"), "a", JarCommand::AddTwice(1)).await.unwrap();
        assert_eq!(again.effect, Effect::Repeated);
        assert_eq!(again.entity.state, first.entity.state);
        assert_eq!(
            (again.entity.version, again.entity.position),
            (first.entity.version, first.entity.position)
        );
    }
    assert_eq!(store.head().await.unwrap(), Position::new(3));
}

#[tokio::test]
async fn a_made_entity_keeps_its_first_id() {
    let (_server, store) = log().await;
    once(&store, &key("k", ""), "first", JarCommand::Add(1)).await.unwrap();
    let again = once(&store, &key("k", ""), "second", JarCommand::Add(1)).await.unwrap();
    assert_eq!((again.id.as_str(), again.effect), ("first", Effect::Repeated));
    assert_eq!(store.load::<Jar>(&jar("second")).await.unwrap().version, Version::START);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let (_server, store) = log().await;
    once(&store, &key("k", "1"), "a", JarCommand::Add(1)).await.unwrap();
    let other = once(&store, &key("k", "2"), "a", JarCommand::Add(2)).await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)), "{other:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn a_command_that_changed_nothing_is_answered_from_then() {
    let (server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    let first = once(&store, &key("k", ""), "a", JarCommand::Seal).await.unwrap();
    assert_eq!((first.effect, first.entity.version), (Effect::Nothing, Version::new(1)));
    let elsewhere = open(&server).await;
    let again = once(&elsewhere, &key("k", ""), "a", JarCommand::Seal).await.unwrap();
    assert_eq!((again.effect, again.entity.version), (Effect::Repeated, Version::new(1)));
}

#[tokio::test]
async fn after_a_refusal_the_same_call_is_decided_anew() {
    let (_server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    for _ in 0..2 {
        let refused = once(&store, &key("k", ""), "a", JarCommand::Add(1)).await;
        assert!(matches!(refused, Err(ExecuteError::Rejected(Sealed))), "{refused:?}");
    }
    let expected = Expected::Exactly(Version::new(1));
    let late = once_at(&store, &key("v", ""), "b", expected, JarCommand::Add(1)).await;
    assert!(matches!(late, Err(ExecuteError::VersionMismatch { .. })), "{late:?}");
    store.execute::<Jar>(&jar("b"), JarCommand::Add(5), &command()).await.unwrap();
    let now = once_at(&store, &key("v", ""), "b", expected, JarCommand::Add(1)).await.unwrap();
    assert_eq!(now.entity.state.coins, 6);
}

#[tokio::test]
async fn one_key_at_once_on_two_nodes_happens_once() {
    let (server, store) = log().await;
    let other = open(&server).await;
    let calls = (0..16).map(|n| {
        let store = if n % 2 == 0 { store.clone() } else { other.clone() };
        tokio::spawn(async move {
            once(&store, &key("k", ""), &format!("jar-{n}"), JarCommand::AddTwice(1)).await
        })
    });
    let mut answers = Vec::new();
    for call in futures_util::future::join_all(calls).await {
        let done = call.unwrap().unwrap();
        answers.push((done.id, done.entity.version, done.entity.position, done.entity.state));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(2));
}
