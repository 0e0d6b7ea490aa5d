//! The program and its broker end, die and come back: who goes on behind what was heard misses nothing.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{self, Program};
use crate::listener::Listener;
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_everything_i_go_on_where_i_was() {
    let mut program = Program::start();
    let mut heard = Vec::new();
    let mut last = 0;
    for round in 0..3 {
        let shop = Shop::at(program.http());
        let mut listener = Listener::again(program.http(), "", last).await;
        for _ in 0..10 {
            shop.receive("tea").await;
        }
        heard.extend(listener.positions_to(listener_end(round)).await);
        // Not heard before the end.
        for _ in 0..10 {
            shop.receive("tea").await;
        }
        last = listener.last_id.unwrap();
        if round == 1 {
            program.kill();
        } else {
            program.terminate();
        }
        program.restart();
    }
    let mut listener = Listener::again(program.http(), "", last).await;
    heard.extend(listener.positions_to(60).await);
    assert_eq!(heard, (1..=60).collect::<Vec<_>>());
}

/// Up to where a listener hears in this round.
fn listener_end(round: u64) -> u64 {
    round * 20 + 5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_it_is_said_and_then_it_goes_on() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let mut listener = Listener::to(program.http(), "").await;
    let mut of_one = Listener::to(program.http(), "entity=stock/tea").await;
    shop.receive("tea").await;
    assert_eq!(listener.positions_to(1).await, [1]);
    let broker = program.broker_pid().unwrap();
    harness::send(broker, Signal::KILL);
    let back = harness::poll(Duration::from_secs(30), || program.broker_pid().filter(|pid| *pid != broker));
    assert!(back.is_some());
    let stored = loop {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/stock/tea/receipts", program.http()));
        let answer = request.json(&serde_json::json!({"quantity": 1})).send().await.unwrap();
        if answer.status() == 200 {
            break answer.headers()["jetsource-position"].to_str().unwrap().parse::<u64>().unwrap();
        }
    };
    assert_eq!(listener.positions_to(stored).await, (2..=stored).collect::<Vec<_>>());
    assert_eq!(of_one.positions_to(stored).await, (1..=stored).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_does_not_answer_is_told_to_who_comes_then() {
    let server = nats_launcher::Server::throwaway().await.unwrap();
    let program = Program::start_with(&["--nats-url", &server.url()]);
    let shop = Shop::at(program.http());
    let stored = shop.receive("tea").await;
    server.pause().unwrap();
    let mut from_start = Listener::to(program.http(), "from=start").await;
    let mut from_end = Listener::to(program.http(), "").await;
    assert_eq!(from_end.last_id, None, "nobody knows where the end is");
    from_start.comment("the broker is away").await;
    server.resume().unwrap();
    assert_eq!(from_start.positions_to(stored).await, [stored]);
    while from_end.last_id.is_none() {
        from_end.block().await.unwrap();
    }
    assert_eq!(from_end.last_id, Some(stored));
}
