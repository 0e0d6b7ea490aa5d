//! Appending and loading on the real broker.

use std::collections::BTreeSet;

use crate::toy::{Jar, JarCommand, JarEvent, Sealed, command, jar, log, open};
use event_model::{EntityName, Position, Version};
use event_store::{
    Also, Connection, Effect, Entry, EventStore, ExecuteError, Expected, Loaded, Mark, Settings, StoreError,
    StreamError, Write, alone, subjects,
};
use futures_util::StreamExt as _;

#[tokio::test]
async fn what_was_acknowledged_is_read_back() {
    let (_server, store) = log().await;
    let done = store.execute::<Jar>(&jar("a"), JarCommand::Add(3), &command()).await.unwrap();
    assert_eq!((done.entity.version, done.effect), (Version::new(1), Effect::Changed));
    let done = store.execute::<Jar>(&jar("a"), JarCommand::AddTwice(4), &command()).await.unwrap();
    assert_eq!(done.entity.version, Version::new(3));
    let read = store.load::<Jar>(&jar("a")).await.unwrap();
    assert_eq!((read.state.coins, read.version, read.position), (11, Version::new(3), done.entity.position));
    let then = store.load_at::<Jar>(&jar("a"), Version::new(1)).await.unwrap();
    assert_eq!((then.state.coins, then.version), (3, Version::new(1)));
    assert_eq!(store.load::<Jar>(&jar("b")).await.unwrap().version, Version::START);
}

#[tokio::test]
async fn what_is_refused_or_holds_already_stores_nothing() {
    let (_server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    let again = store.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    assert_eq!((again.effect, again.entity.version), (Effect::Nothing, Version::new(1)));
    let refused = store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(Sealed))), "{refused:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn fifty_writers_on_two_nodes_lose_no_update() {
    let (server, store) = log().await;
    let other = open(&server).await;
    let writers = (0..50).map(|n| {
        let store = if n % 2 == 0 { store.clone() } else { other.clone() };
        tokio::spawn(async move { store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await })
    });
    let done = futures_util::future::join_all(writers).await;
    let versions: BTreeSet<u64> =
        done.into_iter().map(|done| done.unwrap().unwrap().entity.version.get()).collect();
    assert_eq!(versions, (1..=50).collect());
    assert_eq!(store.load::<Jar>(&jar("a")).await.unwrap().state.coins, 50);
}

#[tokio::test]
async fn a_named_version_has_one_winner() {
    let (_server, store) = log().await;
    let (id, version) = (jar("a"), Version::START);
    let (one, two) = (command(), command());
    let (one, two) = tokio::join!(
        store.execute_at::<Jar>(&id, version, JarCommand::Add(1), &one),
        store.execute_at::<Jar>(&id, version, JarCommand::Add(1), &two),
    );
    let lost = if one.is_ok() { two } else { one };
    let Err(ExecuteError::VersionMismatch { expected, found }) = lost else { panic!("{lost:?}") };
    assert_eq!((expected, found), (Version::START, Version::new(1)));
}

#[tokio::test]
async fn several_entities_change_together_or_not_at_all() {
    let (_server, store) = log().await;
    let both = |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
        Ok(vec![Also::new::<Jar>(jar("b"), JarCommand::Add(2))])
    };
    let done = store
        .execute_with::<Jar, Sealed>(&jar("a"), Expected::Newest, JarCommand::AddTwice(1), &command(), both)
        .await
        .unwrap();
    assert_eq!((done.entity.version, done.entity.position), (Version::new(2), Position::new(2)));
    assert_eq!(store.head().await.unwrap(), Position::new(3));
    let Some(Entry::Event(last)) = store.at(Position::new(3)).await.unwrap() else { panic!() };
    assert_eq!((last.entity, last.part.unwrap().to_string()), (EntityName::new("jar", "b"), "3/3".into()));

    store.execute::<Jar>(&jar("b"), JarCommand::Seal, &command()).await.unwrap();
    let refused = store
        .execute_with::<Jar, Sealed>(&jar("a"), Expected::Newest, JarCommand::Add(1), &command(), both)
        .await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(Sealed))), "{refused:?}");

    // The broker refuses the whole batch when one of the entities has moved.
    let stale = store.load_at::<Jar>(&jar("b"), Version::START).await.unwrap();
    let metadata = command();
    let event = [JarEvent::CoinsAdded { coins: 1 }];
    let writes = [
        Write::new(
            EntityName::new("jar", "c"),
            store.load::<Jar>(&jar("c")).await.unwrap().stand(),
            &event,
            &metadata,
        ),
        Write::new(EntityName::new("jar", "b"), stale.stand(), &event, &metadata),
    ];
    let refused = store.append(&writes.map(Result::unwrap), &metadata).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.load::<Jar>(&jar("c")).await.unwrap().version, Version::START);
    assert_eq!(store.head().await.unwrap(), Position::new(4));
}

#[tokio::test]
async fn foreign_messages_are_stepped_over_and_hinder_nobody() {
    let (_server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    let client = store.connection().client();
    let subject = subjects::append(&EntityName::new("jar", "a"));
    client.request(subject.clone(), "not json".into()).await.unwrap();
    client.request(subject, "{}".into()).await.unwrap();
    let done = store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    assert_eq!((done.entity.version, done.entity.position), (Version::new(2), Position::new(4)));
    let read = store.load::<Jar>(&jar("a")).await.unwrap();
    assert_eq!((read.state.coins, read.version), (2, Version::new(2)));
    let mut reader = store.subscribe(Mark::START);
    let mut entries = Vec::new();
    while entries.len() < 4 {
        entries.extend(reader.next(100).await.unwrap().entries);
    }
    let foreign = entries.iter().filter(|entry| matches!(entry, Entry::Foreign(_))).count();
    assert_eq!(foreign, 2);
}

#[tokio::test]
async fn an_event_of_a_newer_program_is_named_not_guessed() {
    let (_server, store) = log().await;
    let client = store.connection().client();
    let subject = subjects::append(&EntityName::new("jar", "a"));
    let id = uuid::Uuid::new_v4().to_string();
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-id", id.as_str()),
        ("ce-type", "jar-painted"),
        ("ce-time", "2026-01-01T00:00:00Z"),
        ("ce-entityversion", "1"),
    ] {
        headers.insert(name, value);
    }
    // Not as one of ours writes it: a foreign hand, which is stepped over.
    client.request_with_headers(subject.clone(), headers.clone(), "{}".into()).await.unwrap();
    assert_eq!(store.load::<Jar>(&jar("a")).await.unwrap().version, Version::START);
    for (name, value) in [
        ("Nats-Msg-Id", id.as_str()),
        ("ce-specversion", "1.0"),
        ("ce-source", "/jetsource"),
        ("ce-subject", "jar/a"),
        ("ce-causationid", &id),
        ("ce-correlationid", &id),
    ] {
        headers.insert(name, value);
    }
    client.request_with_headers(subject, headers, "{}".into()).await.unwrap();
    let error = store.load::<Jar>(&jar("a")).await.unwrap_err().to_string();
    assert!(error.contains("jar-painted") && error.contains("position 2"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_read_hides_no_event() {
    let (_server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    let metadata = command();
    let stand = store.load::<Jar>(&jar("a")).await.unwrap().stand();
    let name = EntityName::new("jar", "a");
    let wrong =
        Write::new(name, stand, &[crate::toy::Misread::CoinsAdded { coins: "many".into() }], &metadata);
    store.append(&[wrong.unwrap()], &metadata).await.unwrap();
    store.execute::<Jar>(&jar("a"), JarCommand::Add(5), &command()).await.unwrap();
    let (history, more) = store.history::<Jar>(&jar("a"), Version::START, 10).await.unwrap();
    let found: Vec<_> =
        history.iter().map(|event| (event.version.unwrap().get(), event.position.get())).collect();
    assert_eq!((found, more), (vec![(1, 1), (2, 3)], false));
    assert_eq!(store.load::<Jar>(&jar("a")).await.unwrap().state.coins, 6);
}

#[tokio::test]
async fn a_plain_subscriber_hears_what_is_stored_and_nothing_else() {
    let (server, store) = log().await;
    let plain = async_nats::connect(server.url()).await.unwrap();
    let mut subscriber = plain.subscribe("events.>").await.unwrap();
    plain.flush().await.unwrap();
    let racers = (0..24).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let with = move |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
                Ok(if n % 3 == 0 { vec![Also::new::<Jar>(jar("b"), JarCommand::Add(1))] } else { vec![] })
            };
            store
                .execute_with::<Jar, Sealed>(
                    &jar("a"),
                    Expected::Newest,
                    JarCommand::Add(1),
                    &command(),
                    with,
                )
                .await
                .unwrap();
        })
    });
    futures_util::future::join_all(racers).await;
    let head = store.head().await.unwrap();
    assert_eq!(head, Position::new(32));
    for position in 1..=32 {
        let message = subscriber.next().await.unwrap();
        let headers = message.headers.unwrap();
        assert_eq!(headers.get("Nats-Sequence").unwrap().as_str(), position.to_string());
        let Some(Entry::Event(stored)) = store.at(Position::new(position)).await.unwrap() else { panic!() };
        assert_eq!(headers.get("ce-id").unwrap().as_str(), stored.id.to_string());
        assert_eq!(message.payload, stored.data);
    }
}

#[tokio::test]
async fn a_stream_that_is_not_the_log_is_refused_by_field() {
    let server = nats_launcher::Server::throwaway().await.unwrap();
    let connection = Connection::open(&server.url()).await.unwrap();
    let context = async_nats::jetstream::new(connection.client().clone());
    let config = async_nats::jetstream::stream::Config {
        name: "EVENTS".into(),
        subjects: vec!["events.>".into()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let error = EventStore::open(connection, Settings::default()).await.unwrap_err();
    assert!(matches!(error, StreamError::Differs { field: "subjects", .. }), "{error}");
}

#[tokio::test]
async fn all_nodes_share_a_secret() {
    let (server, store) = log().await;
    let other = open(&server).await;
    let (one, two) = tokio::join!(store.shared_secret("claims"), other.shared_secret("claims"));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_ne!(store.shared_secret("claims").await.unwrap(), store.shared_secret("others").await.unwrap());
}

#[tokio::test]
async fn a_long_history_is_read_whole() {
    let (_server, store) = log().await;
    let metadata = command();
    let events = vec![JarEvent::CoinsAdded { coins: 1 }; 1000];
    for _ in 0..2 {
        let stand = store.load::<Jar>(&jar("a")).await.unwrap().stand();
        let again = command();
        let write = Write::new(EntityName::new("jar", "a"), stand, &events, &again).unwrap();
        store.append(&[write], &again).await.unwrap();
    }
    let read = store.load::<Jar>(&jar("a")).await.unwrap();
    assert_eq!((read.state.coins, read.version), (2000, Version::new(2000)));
    let name = EntityName::new("jar", "a");
    let (page, more) = store.history::<Jar>(&jar("a"), Version::new(1990), 5).await.unwrap();
    assert_eq!((page.len(), page[0].version, more), (5, Some(Version::new(1991)), true));
    let (page, more) = store.history::<Jar>(&jar("a"), Version::new(1990), 10).await.unwrap();
    assert_eq!((page.len(), more), (10, false));
    let too_many = vec![JarEvent::CoinsAdded { coins: 1 }; 1001];
    let write = Write::new(name, read.stand(), &too_many, &metadata).unwrap();
    assert!(matches!(store.append(&[write], &metadata).await, Err(StoreError::Unfit(_))));
}

#[tokio::test]
async fn what_one_node_remembers_is_not_the_last_word() {
    let (server, store) = log().await;
    let other = open(&server).await;
    store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    other.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    // Decided on version 1, which this node remembers; the log is at 2.
    let second = Version::new(2);
    let done = store.execute_at::<Jar>(&jar("a"), second, JarCommand::Add(1), &command()).await.unwrap();
    assert_eq!((done.entity.state.coins, done.entity.version), (3, Version::new(3)));
    assert_eq!(other.load::<Jar>(&jar("a")).await.unwrap().state.coins, 3);
    other.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    let again = store.execute::<Jar>(&jar("a"), JarCommand::Seal, &command()).await.unwrap();
    assert_eq!((again.effect, again.entity.version), (Effect::Nothing, Version::new(4)));
    let also = |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
        Ok(vec![Also::new::<Jar>(jar("b"), JarCommand::Add(1))])
    };
    other.execute::<Jar>(&jar("b"), JarCommand::Add(1), &command()).await.unwrap();
    store.load::<Jar>(&jar("b")).await.unwrap();
    other.execute::<Jar>(&jar("b"), JarCommand::Add(1), &command()).await.unwrap();
    let ask = JarCommand::Add(1);
    store.execute_with::<Jar, Sealed>(&jar("c"), Expected::New, ask, &command(), also).await.unwrap();
    assert_eq!(store.load::<Jar>(&jar("b")).await.unwrap().state.coins, 3);
}

#[tokio::test]
async fn what_is_said_to_be_new_must_be() {
    let (server, store) = log().await;
    store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    let other = open(&server).await;
    let ask = JarCommand::Add(1);
    let taken = other
        .execute_with::<Jar, Sealed>(&jar("a"), Expected::New, ask, &command(), alone::<Jar, Sealed>)
        .await;
    assert!(matches!(taken, Err(ExecuteError::VersionMismatch { .. })), "{taken:?}");
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}
