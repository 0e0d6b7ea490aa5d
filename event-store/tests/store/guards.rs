//! What an append relies on holds when it is stored, though nothing is written to it.

use event_model::{EntityName, Position, Version};
use event_store::verify::Category;
use event_store::{Also, Done, Effect, Entry, EventStore, ExecuteError, Expected, Loaded, StoreError, Write};
use futures_util::future::join_all;

use crate::toy::{Jar, JarCommand, JarEvent, Sealed, command, fill, folded, jar, log, open};

fn is_open(jar: &Loaded<Jar>) -> Result<(), Sealed> {
    if jar.state.sealed { Err(Sealed) } else { Ok(()) }
}

/// A command on one jar while others are open.
async fn while_open(
    store: &EventStore,
    name: &str,
    ask: JarCommand,
    others: &[&str],
) -> Result<Done<Jar>, ExecuteError<Sealed>> {
    let guards = |_: &String, _: &Loaded<Jar>, _: &[JarEvent]| {
        Ok(others.iter().map(|other| Also::guard::<Jar>(jar(other), is_open)).collect())
    };
    store.execute_with::<Jar, Sealed>(&jar(name), Expected::Newest, ask, &command(), guards).await
}

async fn is_whole(store: &EventStore) {
    let verified = store.verify(&[Category::of::<Jar>()], &[], |_, _| {}).await.unwrap();
    assert_eq!((verified.problems.count, verified.foreign.count), (0, 0), "{:?}", verified.problems);
}

#[tokio::test]
async fn a_guard_is_looked_at_and_nothing_is_written_to_it() {
    let (server, store) = log().await;
    fill(&store, "x", 1).await;
    let done = while_open(&store, "a", JarCommand::Add(1), &["x"]).await.unwrap();
    assert_eq!(
        (done.effect, done.entity.version, done.entity.position.get()),
        (Effect::Changed, Version::new(1), 2)
    );
    // A single event has no room for a guard: another event carries it.
    let Some(Entry::Event(carrier)) = store.at(Position::new(3)).await.unwrap() else { panic!() };
    assert_eq!((carrier.entity.category.as_str(), carrier.event_type.as_str()), ("guard", "relied-on"));
    assert_eq!(&carrier.data[..], br#"{"entity":"jar/x","version":1}"#);
    assert_eq!(carrier.part.unwrap().to_string(), "2/2");
    // The second event has; a jar that does not exist can be relied on too.
    while_open(&store, "a", JarCommand::AddTwice(1), &["nowhere"]).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position::new(5));
    // Two guards, on subjects of one length.
    while_open(&store, "a", JarCommand::AddTwice(1), &["x", "y"]).await.unwrap();
    while_open(&store, "a", JarCommand::Add(1), &["x", "y", "x", "a"]).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position::new(11));
    store.execute::<Jar>(&jar("x"), JarCommand::Seal, &command()).await.unwrap();
    let refused = while_open(&store, "a", JarCommand::Add(1), &["y", "x"]).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(Sealed))), "{refused:?}");
    for node in [&store, &open(&server).await] {
        let read = node.load::<Jar>(&jar("a")).await.unwrap();
        assert_eq!(((*read.state).clone(), read.version, read.position), folded(&store, "a").await);
        assert_eq!(node.load::<Jar>(&jar("x")).await.unwrap().version, Version::new(2));
    }
    is_whole(&store).await;
}

#[tokio::test]
async fn what_a_node_remembers_of_a_guard_is_not_the_last_word() {
    let (server, store) = log().await;
    let other = open(&server).await;
    for name in ["x", "y"] {
        fill(&store, name, 1).await;
        store.load::<Jar>(&jar(name)).await.unwrap();
    }
    // It has changed and allows it still.
    other.execute::<Jar>(&jar("x"), JarCommand::Add(1), &command()).await.unwrap();
    while_open(&store, "a", JarCommand::AddTwice(1), &["y", "x"]).await.unwrap();
    // It has changed and does not.
    other.execute::<Jar>(&jar("y"), JarCommand::Seal, &command()).await.unwrap();
    for ask in [JarCommand::Add(1), JarCommand::AddTwice(1)] {
        let refused = while_open(&store, "a", ask, &["x", "y"]).await;
        assert!(matches!(refused, Err(ExecuteError::Rejected(Sealed))), "{refused:?}");
    }
    assert_eq!(folded(&other, "a").await.1, Version::new(2));
    is_whole(&store).await;
}

#[tokio::test]
async fn one_stale_guard_of_several_refuses_the_whole() {
    let (_server, store) = log().await;
    for name in ["x", "y", "z"] {
        fill(&store, name, 2).await;
    }
    let of = |name: &str| EntityName::new("jar", name);
    let names = ["x", "y", "z"];
    let mut stands = Vec::new();
    for name in names {
        stands.push(store.load::<Jar>(&jar(name)).await.unwrap().stand());
    }
    for stale in 0..3 {
        let old = store.load_at::<Jar>(&jar(names[stale]), Version::new(1)).await.unwrap().stand();
        for events in [1, 2, 4] {
            let metadata = command();
            let events = vec![JarEvent::CoinsAdded { coins: 1 }; events];
            let target = store.load::<Jar>(&jar("a")).await.unwrap().stand();
            let mut writes = vec![Write::new(of("a"), target, &events, &metadata).unwrap()];
            let guards = names.iter().zip(&stands).enumerate();
            writes.extend(
                guards.map(|(n, (name, now))| Write::guard(of(name), if n == stale { old } else { *now })),
            );
            let refused = store.append(&writes, &metadata).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
            // The same with the stand as it is now.
            writes[stale + 1] = Write::guard(of(names[stale]), stands[stale]);
            store.append(&writes, &metadata).await.unwrap();
        }
    }
    // What is written to and relied on must have been read once.
    let metadata = command();
    let old = store.load_at::<Jar>(&jar("x"), Version::new(1)).await.unwrap().stand();
    let event = [JarEvent::CoinsAdded { coins: 1 }];
    let write = Write::new(of("x"), stands[0], &event, &metadata).unwrap();
    let refused = store.append(&[write.clone(), Write::guard(of("x"), old)], &metadata).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    store.append(&[write, Write::guard(of("x"), stands[0])], &metadata).await.unwrap();
    is_whole(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_rely_on_what_the_other_changes_never_both_succeed() {
    let (server, store) = log().await;
    let other = open(&server).await;
    let mut both_refused = 0;
    for round in 0..300 {
        let (x, y) = (format!("x-{round}"), format!("y-{round}"));
        // As two nodes, and as two commands of one node, which share its batches.
        let second = if round % 2 == 0 { &other } else { &store };
        if round % 3 == 0 {
            fill(&store, &x, 1).await;
            second.load::<Jar>(&x).await.unwrap();
        }
        let crowd =
            join_all(
                (0..round % 5 * 4).map(|n| {
                    let store = store.clone();
                    async move {
                        store.execute::<Jar>(&format!("crowd-{n}"), JarCommand::Add(1), &command()).await
                    }
                }),
            );
        let (on_x, on_y) = ([x.as_str()], [y.as_str()]);
        let (one, two, crowd) = tokio::join!(
            while_open(&store, &x, JarCommand::Seal, &on_y),
            while_open(second, &y, JarCommand::Seal, &on_x),
            crowd
        );
        assert!(crowd.iter().all(Result::is_ok), "{crowd:?}");
        let sealed = [folded(&store, &x).await.0.sealed, folded(&store, &y).await.0.sealed];
        assert_eq!(sealed, [one.is_ok(), two.is_ok()], "round {round}: {one:?} {two:?}");
        assert_ne!(sealed, [true, true], "round {round}");
        both_refused += i32::from(sealed == [false, false]);
    }
    assert_eq!(both_refused, 0);
    is_whole(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_holds_in_a_crowd_that_writes_to_what_it_relies_on() {
    let (server, store) = log().await;
    let other = open(&server).await;
    // Coins go into a jar only while the till is open; once it is sealed, none do.
    let call = |n: u64| {
        let node = if n.is_multiple_of(2) { store.clone() } else { other.clone() };
        tokio::spawn(async move {
            match n {
                60 => node.execute::<Jar>(&jar("till"), JarCommand::Seal, &command()).await,
                n if n % 4 == 1 && n < 60 => {
                    node.execute::<Jar>(&jar("till"), JarCommand::Add(1), &command()).await
                }
                n => while_open(&node, &format!("jar-{}", n % 30), JarCommand::Add(1), &["till"]).await,
            }
        })
    };
    let mut done = 0;
    for crowd in [0..60, 60..120] {
        for call in join_all(crowd.map(call)).await {
            match call.unwrap() {
                Ok(_) => done += 1,
                Err(ExecuteError::Rejected(Sealed) | ExecuteError::Store(StoreError::Conflict { .. })) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    println!("{done} done");
    assert!(done > 20, "{done}");
    let (entries, _) = store.log_after(Position::START, 1000).await.unwrap();
    let events = entries.into_iter().map(|entry| match entry {
        Entry::Event(event) => event,
        Entry::Foreign(foreign) => panic!("{foreign}"),
    });
    let mut sealed = false;
    for event in events {
        assert!(!sealed, "stored after the till was sealed: {event:?}");
        sealed = event.event_type == "jar-sealed";
    }
    assert!(sealed);
    is_whole(&store).await;
}
