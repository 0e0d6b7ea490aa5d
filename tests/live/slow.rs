//! One who does not take what is sent is told, and cut off; nobody else notices.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::harness::Program;
use crate::listener::Listener;
use crate::shop::{Shop, log, note};

/// More than the sockets and the queue of a listener hold.
const NOTES: u64 = 700;
const BYTES: usize = 100 * 1024;

async fn too_slow(shop: &Shop) -> bool {
    let metrics = shop.get("/metrics").send().await.unwrap().text().await.unwrap();
    metrics.lines().any(|line| line == "jetsource_listeners_too_slow_total 1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_listener_is_told_and_cut_off() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let address = program.http().strip_prefix("http://").unwrap().parse().unwrap();
    let mut slow = socket.connect(address).await.unwrap();
    slow.write_all(b"GET /events HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = vec![0; 1024];
    let begun = slow.read(&mut text).await.unwrap();
    text.truncate(begun);
    let mut quick = Listener::to(program.http(), "").await;
    let log = log(program.nats()).await;
    let quick = tokio::spawn(async move { quick.positions_to(NOTES).await });
    for _ in 0..NOTES {
        note(&log, BYTES).await;
    }
    assert_eq!(quick.await.unwrap(), (1..=NOTES).collect::<Vec<_>>());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !too_slow(&shop).await {
        assert!(tokio::time::Instant::now() < deadline, "nobody was found too slow");
        tokio::task::yield_now().await;
    }

    timeout(Duration::from_mins(1), slow.read_to_end(&mut text)).await.unwrap().unwrap();
    let text = String::from_utf8(text).unwrap();
    let told: Vec<u64> =
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
    let last = *told.last().unwrap();
    assert!(last < NOTES, "it was told all");
    assert_eq!(
        told,
        [&(0..=last).collect::<Vec<_>>()[..], &[last]].concat(),
        "in order, then the last once more"
    );
    let end = format!("id: {last}\nevent: too-slow\ndata: {{\"position\":{last}}}\n\n");
    assert!(text.contains(&end), "it ends with {}", &text[text.len() - 200..]);
    let mut again = Listener::again(program.http(), "", last).await;
    assert_eq!(again.positions_to(NOTES).await, (last + 1..=NOTES).collect::<Vec<_>>());
}
