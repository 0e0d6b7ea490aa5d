//! Three servers are one broker, and each comes back by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "plain/client.rs"]
mod client;

use std::collections::BTreeSet;
use std::time::Duration;

use client::{ask, jetstream_settings, try_ask};
use nats_launcher::{Cluster, Server};

const STREAM: &str = r#"{"name":"LOG","subjects":["log.>"],"num_replicas":3}"#;

/// Awaits that a node leads the stream.
async fn leader(cluster: &Cluster) -> usize {
    let found = async {
        loop {
            if let Some(leader) = cluster.leader_of("LOG").await {
                return leader;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.unwrap()
}

/// Publishes until it is answered, which it need not be while a leader begins, and returns where the last one lies.
fn publish(port: u16, body: &str) -> u64 {
    let answer = std::iter::repeat_with(|| try_ask(port, "log.a", body)).take(30).flatten().next();
    answer.unwrap()["seq"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_three_replicas_is_taken_at_once_and_outlives_its_leader() {
    let cluster = Cluster::throwaway().await.unwrap();
    let ports: Vec<u16> = cluster.nodes().iter().map(Server::port).collect();
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(cluster.url(), cluster.urls().join(","));

    let made = ask(ports[0], "$JS.API.STREAM.CREATE.LOG", STREAM);
    assert_eq!(made["cluster"]["replicas"].as_array().map(Vec::len), Some(2), "{made}");
    let first = leader(&cluster).await;
    let before = publish(ports[first], "1");

    let node = &cluster.nodes()[first];
    let pid = node.pid();
    node.kill().unwrap();
    let next = leader(&cluster).await;
    let after = publish(ports[next], "2");
    assert!(after > before);
    node.restarted(1).await;
    assert_ne!(node.pid(), pid);
    cluster.formed().await.unwrap();
    assert_eq!(ports, cluster.nodes().iter().map(Server::port).collect::<Vec<_>>());
    assert!(publish(ports[first], "3") > after);
    for port in ports {
        assert_eq!(jetstream_settings(port)["data"]["config"]["sync_always"], true);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_node_is_missed_and_comes_back() {
    let cluster = Cluster::throwaway().await.unwrap();
    let ports: Vec<u16> = cluster.nodes().iter().map(Server::port).collect();
    ask(ports[0], "$JS.API.STREAM.CREATE.LOG", STREAM);
    let first = leader(&cluster).await;
    cluster.nodes()[first].pause().unwrap();
    let next = leader(&cluster).await;
    assert_ne!(next, first);
    publish(ports[next], "1");
    cluster.nodes()[first].resume().unwrap();
    cluster.formed().await.unwrap();
    assert!(cluster.nodes().iter().all(|node| node.status().borrow().restarts == 0));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_side_by_side_do_not_meet() {
    let (one, two) = tokio::join!(Cluster::throwaway(), Cluster::throwaway_of::<2>());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.nodes().len(), two.nodes().len()), (3, 2));
    let refused = ask(two.nodes()[0].port(), "$JS.API.STREAM.CREATE.LOG", STREAM);
    assert_eq!(refused["error"]["err_code"], 10005, "{refused}");
    let folders: Vec<_> = two.nodes().iter().map(|node| node.dir().to_owned()).collect();
    drop(two);
    assert!(folders.iter().all(|folder| !folder.exists()));
}
