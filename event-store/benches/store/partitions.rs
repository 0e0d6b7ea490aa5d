//! One log or several: as many raw streams side by side, set up as the log is, each with a connection of its own.

use std::time::Duration;

use futures_util::future::join_all;
use nats_launcher::{Cluster, Server};

use crate::measure::{Found, head, median, number, row};
use crate::raw::Raw;

/// How many streams side by side.
const STREAMS: [usize; 3] = [1, 2, 4];
/// Writers of single messages, on all streams together.
const WRITERS: usize = 64;
/// Messages of a batch; one loop fills them for each stream.
const BATCH: usize = 64;

pub async fn run() {
    println!("\n## Several streams, one node\n");
    table(1).await;
    println!("\n## Several streams, three nodes\n");
    table(3).await;
}

async fn table(replicas: usize) {
    let (rounds, time) = (number("ROUNDS", 3), Duration::from_secs(number("SECONDS", 3)));
    head(&[
        "streams",
        "64 writers of single messages, messages/s",
        "one loop of batches of 64 each, messages/s",
    ]);
    let (mut singles, mut batches): ([Vec<Found>; 3], [Vec<Found>; 3]) = Default::default();
    // In alternating rounds: a machine is not as fast all the time.
    for _ in 0..rounds {
        for (place, streams) in STREAMS.into_iter().enumerate() {
            // New servers each time: what was stored before makes the next slower.
            let (_one, _three, urls) = servers(replicas).await;
            let partitions =
                join_all((0..streams).map(|stream| Raw::partition(&urls, replicas, stream))).await;
            let each = partitions.iter().map(|stream| stream.singles(WRITERS / streams, time));
            singles[place].push(together(&join_all(each).await));
            let each = partitions.iter().map(|stream| stream.batches(BATCH, time));
            batches[place].push(together(&join_all(each).await));
        }
    }
    for (streams, (singles, batches)) in STREAMS.into_iter().zip(singles.into_iter().zip(batches)) {
        let rate = |found| format!("{:.0}", median(found).rate);
        row(&[streams.to_string(), rate(singles), rate(batches)]);
    }
}

/// Servers that live as long as what is returned.
async fn servers(replicas: usize) -> (Option<Server>, Option<Cluster>, String) {
    if replicas == 1 {
        let server = Server::throwaway().await.unwrap();
        let url = server.url();
        return (Some(server), None, url);
    }
    let cluster = Cluster::throwaway().await.unwrap();
    let urls = cluster.url();
    (None, Some(cluster), urls)
}

fn together(found: &[Found]) -> Found {
    Found { rate: found.iter().map(|one| one.rate).sum(), ..Found::default() }
}
