//! Several API nodes share the queue and the requests, and one that ends leaves nothing undone.

use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::Program;
use crate::sender::{Sender, eventually};

/// What a node has counted of this name, over all labels.
async fn counted(node: &Program, name: &str) -> f64 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = http.get(format!("{}/metrics", node.http())).send().await.unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_the_queue_and_the_requests() {
    let one = Program::start();
    let two = Program::start_with(&["--role", "api", "--nats-url", one.nats()]);
    let sender = Sender::to(one.nats()).await;
    let send = async |number: u32| {
        sender
            .send(&format!("stock.A-{}.receive", number % 7), &format!("q{number}"), r#"{"quantity":1}"#)
            .await;
    };
    let ask = async |number: u32| {
        let (command, id) = (format!("stock.B-{}.receive", number % 7), format!("r{number}"));
        assert_eq!(sender.ask(&command, Some(&id), r#"{"quantity":1}"#).await.error, None);
    };
    join_all((0..400).map(send)).await;
    join_all((0..60).map(ask)).await;
    sender.all_done().await;
    for node in [&one, &two] {
        assert!(counted(node, "jetsource_inbox_deliveries_total").await > 0.0);
        assert!(counted(node, "jetsource_requests_seconds_count").await > 0.0);
    }
    let mut on_hand = 0;
    for article in 0..7 {
        let events = sender.events(&format!("stock.A-{article}")).await;
        on_hand += events.last().unwrap().1["on_hand"].as_u64().unwrap();
        assert_eq!(events.last().unwrap().1["on_hand"], Value::from(events.len()));
    }
    assert_eq!((on_hand, sender.length("EVENTS").await), (400, 460));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_commands_to_one_entity_are_not_in_each_others_way() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let send = async |number: u32| {
        sender.send("stock.A.receive", &number.to_string(), r#"{"quantity":1}"#).await;
    };
    join_all((0..300).map(send)).await;
    sender.all_done().await;
    assert_eq!(sender.events("stock.A").await.len(), 300);
    assert!(
        (counted(&program, "jetsource_inbox_deliveries_total").await - 300.0).abs() < 0.5,
        "each came once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_ends_in_order_leaves_its_work_to_the_other() {
    let one = Program::start();
    let mut two = Program::start_with(&["--role", "api", "--nats-url", one.nats()]);
    let sender = Sender::to(one.nats()).await;
    let send = async |number: u32| {
        sender.send("stock.A.receive", &number.to_string(), r#"{"quantity":1}"#).await;
    };
    let ending = async {
        eventually("work is done", async || (sender.length("EVENTS").await > 20).then_some(())).await;
        tokio::task::spawn_blocking(move || two.terminate()).await.unwrap();
    };
    tokio::join!(ending, join_all((0..300).map(send)));
    sender.all_done().await;
    assert_eq!(sender.events("stock.A").await.last().unwrap().1["on_hand"], 300);
    assert_eq!(sender.ask("stock.A.receive", None, r#"{"quantity":1}"#).await.body["version"], 301);
}
