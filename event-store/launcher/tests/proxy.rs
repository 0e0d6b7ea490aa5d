//! The proxy carries all, until it is told to misbehave.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nats_launcher::{Dice, Proxy, Way};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server that says back what it hears, and ends when the client does.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn connected() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(say(&mut client, "hello").await, "hello");
    (proxy, client)
}

async fn say(client: &mut TcpStream, text: &str) -> String {
    client.write_all(text.as_bytes()).await.unwrap();
    let mut heard = vec![0; text.len()];
    client.read_exact(&mut heard).await.unwrap();
    String::from_utf8(heard).unwrap()
}

/// What still comes until the connection ends.
async fn rest(client: &mut TcpStream) -> usize {
    let mut heard = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut heard)).await;
    assert!(ended.is_ok(), "the connection must end");
    heard.len()
}

#[tokio::test]
async fn a_cut_ends_what_is_there_and_not_what_comes() {
    let (proxy, mut client) = connected().await;
    proxy.cut();
    assert_eq!(rest(&mut client).await, 0);
    let mut next = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(say(&mut next, "again").await, "again");
    drop(proxy);
    assert_eq!(rest(&mut next).await, 0);
}

#[tokio::test]
async fn dropped_answers_never_come_and_the_connection_with_the_hole_ends() {
    let (proxy, mut client) = connected().await;
    proxy.drop_answers();
    client.write_all(b"into the void").await.unwrap();
    let heard = tokio::time::timeout(Duration::from_millis(200), client.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
    proxy.calm();
    assert_eq!(rest(&mut client).await, 0);
}

#[tokio::test]
async fn a_tear_is_in_the_middle() {
    for way in [Way::There, Way::Back] {
        let (proxy, mut client) = connected().await;
        proxy.tear(way, 3);
        client.write_all(b"torn").await.unwrap();
        let heard = rest(&mut client).await;
        // Torn on the way there, the echo may still come before the end does.
        assert!(heard == 3 || way == Way::There && heard < 3, "{way:?} {heard}");
    }
}

#[tokio::test]
async fn a_half_closed_client_still_hears() {
    let (proxy, mut client) = connected().await;
    proxy.delay(Way::Back, Duration::from_millis(100));
    client.write_all(b"last words").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, 10);
    let (proxy, mut client) = connected().await;
    proxy.half_close(Way::Back);
    assert_eq!(rest(&mut client).await, 0);
}

#[tokio::test]
async fn a_delay_holds_back() {
    let (proxy, mut client) = connected().await;
    proxy.delay(Way::There, Duration::from_millis(50));
    proxy.delay(Way::Back, Duration::from_millis(50));
    let since = Instant::now();
    assert_eq!(say(&mut client, "slow").await, "slow");
    assert!(since.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn new_connections_are_refused_until_all_is_well() {
    let (proxy, mut client) = connected().await;
    proxy.refuse();
    assert_eq!(say(&mut client, "still here").await, "still here");
    let mut next = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(rest(&mut next).await, 0);
    proxy.calm();
    let mut next = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(say(&mut next, "again").await, "again");
}

#[test]
fn dice_fall_the_same_way_for_the_same_seed() {
    let thrown = |seed| {
        let mut dice = Dice::new(seed);
        (0..100).map(|_| dice.roll(1..7)).collect::<Vec<_>>()
    };
    assert_eq!(thrown(1), thrown(1));
    assert_ne!(thrown(1), thrown(2));
    assert_eq!((thrown(1).iter().min(), thrown(1).iter().max()), (Some(&1), Some(&6)));
}
