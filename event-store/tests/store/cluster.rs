//! The store on three servers: whichever is asked, and whichever dies.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use event_model::{Position, Version};
use event_store::{
    Connection, Durability, Effect, EventStore, ExecuteError, IdempotencyKey, Mark, Settings, StoreError,
    StreamError, alone,
};
use futures_util::future::join_all;
use nats_launcher::Cluster;

use crate::told::check;
use crate::told::crowd::{self, Numbers};
use crate::told::raw;
use crate::toy::{Jar, JarCommand, Sealed, command, jar, open};

/// A cluster, and a store connected to each of its servers.
async fn three() -> (Cluster, [EventStore; 3]) {
    let cluster = Cluster::throwaway().await.unwrap();
    let [one, two, three] = cluster.nodes() else { unreachable!() };
    let stores = [open(one).await, open(two).await, open(three).await];
    (cluster, stores)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_on_three_servers_and_synced_on_each() {
    let (cluster, [one, two, three]) = three().await;
    let secret = one.shared_secret("s").await.unwrap();
    for other in [&two, &three] {
        assert_eq!(other.shared_secret("s").await.unwrap(), secret);
    }
    let any = Connection::open(&format!(" nats://127.0.0.1:1, {}", cluster.url())).await.unwrap();
    let context = jetstream::new(any.client().clone());
    for stream in ["EVENTS", "KEYS", "SNAPSHOTS", "KV_jetsource"] {
        let stream = context.get_stream(stream).await.unwrap();
        assert_eq!(stream.cached_info().config.num_replicas, 3);
    }
    let since = Instant::now();
    assert_eq!(any.durability().await, Durability::EveryAckSynced);
    assert!(since.elapsed() < Duration::from_secs(2), "all three have answered");

    let [first, second, _] = cluster.nodes() else { unreachable!() };
    first.pause().unwrap();
    assert_eq!(three.connection().durability().await, Durability::EveryAckSynced);
    second.pause().unwrap();
    let alone = three.connection().durability().await;
    assert!(matches!(&alone, Durability::Unknown(why) if why.contains("1 of 3")), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_servers_are_told_in_one_line() {
    let cluster = Cluster::throwaway_of::<2>().await.unwrap();
    let connection = Connection::open(&cluster.url()).await.unwrap();
    let refused = EventStore::open(connection, Settings::default()).await.unwrap_err();
    assert!(matches!(refused, StreamError::TooFewServers { replicas: 3, .. }), "{refused:?}");
    assert!(!refused.to_string().contains('\n') && refused.to_string().contains("start"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_three_nodes_have_one_winner_and_lose_no_update() {
    let (_cluster, stores) = three().await;
    for round in 0..30 {
        let id = jar(&format!("race-{round}"));
        let [one, two, three] = [command(), command(), command()];
        let all = tokio::join!(
            stores[0].execute_at::<Jar>(&id, Version::START, JarCommand::Add(1), &one),
            stores[1].execute_at::<Jar>(&id, Version::START, JarCommand::AddTwice(1), &two),
            stores[2].execute_at::<Jar>(&id, Version::START, JarCommand::Add(1), &three),
        );
        let all = [all.0, all.1, all.2];
        assert_eq!(all.iter().filter(|told| told.is_ok()).count(), 1, "{all:?}");
        let lost = all.iter().filter(|told| matches!(told, Err(ExecuteError::VersionMismatch { .. })));
        assert_eq!(lost.count(), 2, "{all:?}");
    }
    let id = jar("all");
    let writers = (0..40).map(|n| {
        let (store, id) = (stores[n % 3].clone(), id.clone());
        tokio::spawn(async move { store.execute::<Jar>(&id, JarCommand::Add(1), &command()).await })
    });
    let mut versions = BTreeSet::new();
    for told in join_all(writers).await {
        match told.unwrap() {
            Ok(done) => assert!(versions.insert(done.entity.version.get())),
            // Others were faster for as long as it had patience.
            Err(ExecuteError::Store(StoreError::Conflict { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let filled = stores[1].load::<Jar>(&id).await.unwrap();
    assert_eq!(versions, (1..=filled.state.coins).collect());
    assert!(versions.len() >= 20, "{versions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_seen_at_once_on_every_node() {
    let (_cluster, stores) = three().await;
    // Each caller has a jar that grows, so that all ways of reading are taken: the last few, and the whole.
    let callers = (0..8).map(|n: usize| {
        let [writes, reads] = [&stores[n % 3], &stores[(n + 1) % 3]].map(Clone::clone);
        let id = jar(&format!("jar-{n}"));
        tokio::spawn(async move {
            for round in 0..250 {
                let done = writes.execute::<Jar>(&id, JarCommand::Add(1), &command()).await.unwrap();
                let wanted = (done.entity.version, done.entity.position);
                let seen = if round % 10 == 0 {
                    reads.load_at::<Jar>(&id, wanted.0).await.unwrap()
                } else {
                    reads.load::<Jar>(&id).await.unwrap()
                };
                assert_eq!((seen.version, seen.position), wanted);
                assert!(reads.at(wanted.1).await.unwrap().is_some());
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    let (events, more) = stores[2].history::<Jar>(&jar("jar-0"), Version::new(240), 100).await.unwrap();
    assert_eq!((events.len(), more), (10, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_one_answer_on_all_nodes() {
    let (_cluster, stores) = three().await;
    for round in 0..20 {
        let key = IdempotencyKey::new(format!("key-{round}"), "POST", "/jars", b"");
        let calls = stores.clone().into_iter().enumerate().map(|(n, store)| {
            let (key, id) = (key.clone(), jar(&format!("jar-{round}-{n}")));
            let add = JarCommand::AddTwice(1);
            async move {
                let newest = event_store::Expected::Newest;
                store
                    .execute_once::<Jar, Sealed>(&key, &id, newest, add, &command(), alone::<Jar, Sealed>)
                    .await
            }
        });
        let mut answers = BTreeSet::new();
        for told in join_all(calls).await {
            let done = told.unwrap();
            answers.insert((done.id, done.entity.version, done.entity.position));
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    assert_eq!(stores[0].head().await.unwrap(), Position::new(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_costs_a_pause_and_nothing_else() {
    let (cluster, stores) = three().await;
    crowd::seal(&stores[0]).await;
    let mut reader = stores[2].subscribe(Mark::START);
    let reads = tokio::spawn(async move {
        let mut seen = Vec::new();
        // The last event is on a jar of its own.
        loop {
            for entry in reader.next(500).await.unwrap().entries {
                let event_store::Entry::Event(event) = entry else { panic!("{entry:?}") };
                seen.push(event.position);
                if event.entity.id == "last" {
                    return seen;
                }
            }
        }
    });
    let numbers = Numbers::endless();
    let asks = stores.iter().zip(1..).map(|(store, seed)| {
        let (store, numbers) = (store.clone(), numbers.clone());
        tokio::spawn(async move { crowd::ask(&store, seed, 20, &numbers).await })
    });
    let asks: Vec<_> = asks.collect();
    for times in 1..=2 {
        numbers.taken(times * 500).await;
        let number = loop {
            if let Some(leader) = cluster.leader_of("EVENTS").await {
                break leader;
            }
        };
        let leader = &cluster.nodes()[number];
        let before = leader.status().borrow().restarts;
        leader.kill().unwrap();
        // Whoever comes now finds the log too.
        open(&cluster.nodes()[(number + 1) % 3]).await;
        leader.restarted(before + 1).await;
        cluster.formed().await.unwrap();
    }
    numbers.end();
    let told: Vec<_> = join_all(asks).await.into_iter().flat_map(Result::unwrap).collect();
    let last = loop {
        if let Ok(done) = stores[1].execute::<Jar>(&jar("last"), JarCommand::Seal, &command()).await {
            break done;
        }
    };
    assert_eq!(last.effect, Effect::Changed);
    let log = raw::read(&cluster.url()).await;
    let wrong = check::contradictions(&told, &log);
    assert!(wrong.is_empty(), "{} contradictions\n{}", wrong.len(), wrong.join("\n"));
    let seen = reads.await.unwrap();
    assert_eq!(seen, (1..=log.len() as u64).map(Position::new).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_behind_hides_no_event_from_who_reads_back() {
    let (cluster, stores) = three().await;
    let id = jar("long");
    stores[0].execute::<Jar>(&id, JarCommand::Add(1), &command()).await.unwrap();
    for round in 1..=5 {
        let leader = loop {
            if let Some(leader) = cluster.leader_of("EVENTS").await {
                break leader;
            }
        };
        let behind = if leader == 1 { 2 } else { 1 };
        // It misses some messages, and is asked for them as soon as it is back. The writer remembers the jar, and reads
        // nothing.
        cluster.nodes()[behind].pause().unwrap();
        for _ in 0..10 {
            stores[0].execute::<Jar>(&id, JarCommand::AddTwice(1), &command()).await.unwrap();
        }
        cluster.nodes()[behind].resume().unwrap();
        let newest = Version::new(u64::MAX);
        let (events, more) = stores[behind].history_before::<Jar>(&id, newest, usize::MAX).await.unwrap();
        let versions: Vec<_> = events.iter().rev().map(|event| event.version.unwrap().get()).collect();
        assert_eq!((versions, more), ((1..=round * 20 + 1).collect(), false));
    }
}
