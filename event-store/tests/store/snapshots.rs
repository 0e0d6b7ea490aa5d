//! Snapshots are a shortcut and nothing else: whatever is in them, an entity is the fold of its events.

mod kept;

use event_model::{Decider, Position, Version};
use event_store::{Connection, Effect, EventStore, Expected, IdempotencyKey, Loaded, Settings, alone};
use nats_launcher::{Dice, Server};
use serde_json::json;

use crate::toy::{Jar, JarCommand, Sealed, command, fill, folded, jar, log, open};
use kept::{Kept, reads_of};

/// Another node, which remembers this many entities.
async fn node(server: &Server, remembered_entities: u64) -> EventStore {
    let connection = Connection::open(&server.url()).await.unwrap();
    EventStore::open(connection, Settings { remembered_entities, ..Settings::default() }).await.unwrap()
}

fn seen(loaded: &Loaded<Jar>) -> (Jar, Version, Position) {
    ((*loaded.state).clone(), loaded.version, loaded.position)
}

#[tokio::test]
async fn an_entity_that_leaves_the_cache_leaves_a_snapshot_and_is_read_from_it() {
    let (server, store) = log().await;
    let small = node(&server, 10).await;
    let mut kept = Kept::listen(&store).await;
    for n in 0..150 {
        small.execute::<Jar>(&format!("jar-{}", n / 5), JarCommand::Add(1), &command()).await.unwrap();
    }
    let (left, body) = kept.next().await;
    assert_eq!(
        (&body["state"], &body["format"]),
        (&json!({"coins": body["version"], "sealed": false}), &json!(1))
    );
    assert!(body["version"].as_u64() >= Some(4), "{body}");
    let whole =
        store.execute::<Jar>(&left, JarCommand::Add(1), &command()).await.unwrap().entity.version.get();
    // A state that no event explains shows where the entity was read from.
    kept.alter(&left, |body| body["state"]["coins"] = json!(body["state"]["coins"].as_u64().unwrap() + 1000))
        .await;
    let read = open(&server).await.load::<Jar>(&left).await.unwrap();
    assert_eq!((read.state.coins, read.version.get()), (whole + 1000, whole));
}

#[tokio::test]
async fn a_long_history_is_read_once() {
    let (server, store) = log().await;
    fill(&store, "a", 5_000).await;
    let mut kept = Kept::listen(&store).await;
    let cold = open(&server).await;
    let whole = cold.load::<Jar>(&jar("a")).await.unwrap();
    assert_eq!(kept.next_of("a").await["version"], 5_000);
    for (more, most) in [(0, 1), (3, 4), (40, 18)] {
        fill(&store, "a", more).await;
        let cold = open(&server).await;
        let (read, reads) = reads_of(&cold, cold.load::<Jar>(&jar("a"))).await;
        let read = read.unwrap();
        assert_eq!(seen(&read), folded(&store, "a").await);
        assert_eq!(reads, most, "after {more} more");
    }
    assert_eq!(whole.state.coins, 5_000);
}

#[tokio::test]
async fn what_is_remembered_is_decided_without_reading_the_log() {
    let (server, store) = log().await;
    let add = async |node: &EventStore| {
        let done = node.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await;
        done.unwrap().entity.state.coins
    };
    assert_eq!(add(&store).await, 1);
    assert_eq!(reads_of(&store, Box::pin(add(&store))).await, (2, 0));
    let cold = open(&server).await;
    let (coins, reads) = reads_of(&cold, Box::pin(add(&cold))).await;
    assert!(coins == 3 && reads > 0, "{coins} {reads}");
}

#[tokio::test]
async fn a_hot_entity_is_kept_now_and_then() {
    let (_server, store) = log().await;
    let mut kept = Kept::listen(&store).await;
    for _ in 0..210 {
        store.execute::<Jar>(&jar("a"), JarCommand::Add(1), &command()).await.unwrap();
    }
    let mut next = async || kept.next_of("a").await["version"].as_u64().unwrap();
    let (first, later) = (next().await, next().await);
    // Of those that wait for their turn only the newest is written.
    assert!(first == 8 && later > first && later % 8 == 0, "{first} {later}");
}

#[tokio::test]
async fn a_snapshot_that_the_log_does_not_bear_out_is_ignored() {
    let (server, store) = log().await;
    fill(&store, "b", 30).await;
    fill(&store, "a", 30).await;
    let mut kept = Kept::listen(&store).await;
    open(&server).await.load::<Jar>(&jar("b")).await.unwrap();
    open(&server).await.load::<Jar>(&jar("a")).await.unwrap();
    let (of_b, good) = (kept.next_of("b").await, kept.next_of("a").await);
    let altered = |field: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[field] = value;
        body["state"]["coins"] = json!(7);
        body.to_string()
    };
    let bodies = [
        altered("format", json!(2)),
        altered("types", json!(["coins-added", "jar-painted"])),
        altered("version", json!(29)),
        altered("version", json!(31)),
        altered("position", json!(59)),
        altered("position", json!(1)),
        altered("position", json!(6_000)),
        altered("position", json!(0)),
        altered("id", json!(uuid::Uuid::new_v4())),
        altered("id", json!("no id")),
        altered("state", json!(null)),
        of_b.to_string(),
        "{}".to_owned(),
        "no json".to_owned(),
        String::new(),
    ];
    for more in [0, 1, 30] {
        fill(&store, "a", more).await;
        let truth = folded(&store, "a").await;
        for body in &bodies {
            kept.put("a", body).await;
            let cold = open(&server).await;
            assert_eq!(seen(&cold.load::<Jar>(&jar("a")).await.unwrap()), truth, "{body}");
            let then = open(&server).await.load_at::<Jar>(&jar("a"), Version::new(30)).await.unwrap();
            assert_eq!((then.state.coins, then.version.get()), (30, 30), "{body}");
        }
    }
}

#[tokio::test]
async fn an_earlier_version_is_not_read_from_a_later_snapshot() {
    let (server, store) = log().await;
    fill(&store, "a", 40).await;
    let mut kept = Kept::listen(&store).await;
    open(&server).await.load::<Jar>(&jar("a")).await.unwrap();
    kept.next_of("a").await;
    fill(&store, "a", 5).await;
    for version in [0, 1, 39, 40, 41, 45] {
        let then = store.load_at::<Jar>(&jar("a"), Version::new(version)).await.unwrap();
        assert_eq!((then.state.coins, then.version.get()), (version, version));
    }
    assert_eq!(store.load_at::<Jar>(&jar("a"), Version::new(99)).await.unwrap().version.get(), 45);
}

#[tokio::test]
async fn a_command_whose_events_lie_before_the_snapshot_is_known_all_the_same() {
    let (server, store) = log().await;
    let (key, first) = (IdempotencyKey::new("k", "POST", "/", b""), command());
    let also = alone::<Jar, Sealed>;
    store.execute::<Jar>(&jar("a"), JarCommand::AddTwice(1), &first).await.unwrap();
    let ask = JarCommand::Add(10);
    store
        .execute_once::<Jar, Sealed>(&key, &jar("a"), Expected::Newest, ask.clone(), &command(), also)
        .await
        .unwrap();
    fill(&store, "a", 30).await;
    let mut kept = Kept::listen(&store).await;
    open(&server).await.load::<Jar>(&jar("a")).await.unwrap();
    assert_eq!(kept.next_of("a").await["version"], 33);
    let again = first.again();
    let cold = open(&server).await;
    let done = cold.execute::<Jar>(&jar("a"), JarCommand::AddTwice(1), &again).await.unwrap();
    assert_eq!(
        (done.effect, done.entity.version, done.entity.state.coins),
        (Effect::Repeated, Version::new(2), 2)
    );
    let cold = open(&server).await;
    let done = cold
        .execute_once::<Jar, Sealed>(&key, &jar("a"), Expected::Newest, ask, &command(), also)
        .await
        .unwrap();
    assert_eq!(
        (done.effect, done.entity.version, done.entity.state.coins),
        (Effect::Repeated, Version::new(3), 12)
    );
    assert_eq!(store.load::<Jar>(&jar("a")).await.unwrap().version, Version::new(33));
}

#[tokio::test]
async fn a_command_that_makes_its_entity_and_was_stored_before_is_known_all_the_same() {
    let (server, store) = log().await;
    let first = command();
    let ask = JarCommand::Add(1);
    store.execute::<Jar>(&jar("a"), ask.clone(), &first).await.unwrap();
    fill(&store, "a", 30).await;
    let mut kept = Kept::listen(&store).await;
    open(&server).await.load::<Jar>(&jar("a")).await.unwrap();
    kept.next_of("a").await;
    // As when the broker was sent the append twice: the append meets its own events, behind a snapshot.
    let cold = open(&server).await;
    let also = alone::<Jar, Sealed>;
    let done = cold.execute_with::<Jar, Sealed>(&jar("a"), Expected::New, ask, &first, also).await.unwrap();
    assert_eq!((done.effect, done.entity.version), (Effect::Repeated, Version::new(1)));
}

#[tokio::test]
async fn nothing_depends_on_the_stream() {
    let (server, store) = log().await;
    let context = async_nats::jetstream::new(store.connection().client().clone());
    let small = node(&server, 1).await;
    let both = [&store, &small];
    fill(&store, "a", 30).await;
    context.get_stream("SNAPSHOTS").await.unwrap().purge().await.unwrap();
    assert_eq!(open(&server).await.load::<Jar>(&jar("a")).await.unwrap().state.coins, 30);
    let cold = open(&server).await;
    context.delete_stream("SNAPSHOTS").await.unwrap();
    for n in 0..150 {
        let name = jar(["a", "b", "c"][n % 3]);
        both[n % 2].execute::<Jar>(&name, JarCommand::Add(1), &command()).await.unwrap();
    }
    assert_eq!(cold.load::<Jar>(&jar("a")).await.unwrap().state.coins, 80);
    open(&server).await;
    assert!(context.get_stream("SNAPSHOTS").await.is_ok());
}

#[tokio::test]
async fn whatever_happens_to_snapshots_an_entity_is_the_fold_of_its_events() {
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let (server, store) = log().await;
    let nodes = [node(&server, 1).await, node(&server, 2).await, store.clone()];
    let mut kept = Kept::listen(&store).await;
    let names = ["a", "b", "c", "d"];
    let pick = |roll: u64| usize::try_from(roll).unwrap();
    for _ in 0..400 {
        let node = &nodes[pick(dice.roll(0..3))];
        let name = names[pick(dice.roll(0..4))];
        match dice.roll(0..10) {
            0 => fill(node, name, pick(dice.roll(1..30))).await,
            1 => kept.damage(name, &mut dice).await,
            2 => {
                let cold = open(&server).await;
                assert_eq!(seen(&cold.load::<Jar>(&jar(name)).await.unwrap()), folded(&store, name).await);
            }
            3 => {
                let (_, last, _) = folded(&store, name).await;
                let version = Version::new(dice.roll(0..last.get() + 2));
                let then = node.load_at::<Jar>(&jar(name), version).await.unwrap();
                let (events, _) = store.history::<Jar>(&jar(name), Version::START, 10_000).await.unwrap();
                let some = events.iter().take(pick(version.get())).map(|event| event.decode().unwrap());
                assert_eq!((*then.state).clone(), Jar::fold(some));
            }
            4 => {
                node.connection().client().request(format!("append.jar.{name}"), "?".into()).await.unwrap();
            }
            coins => {
                let ask = JarCommand::Add(coins);
                node.execute::<Jar>(&jar(name), ask, &command()).await.unwrap();
            }
        }
        assert_eq!(seen(&node.load::<Jar>(&jar(name)).await.unwrap()), folded(&store, name).await);
    }
}
