//! The broker goes away and comes back: commands go on by themselves, and the service is found again.

use nats_launcher::Server;
use serde_json::json;

use crate::harness::Program;
use crate::sender::{Sender, data, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_the_broker_commands_are_taken_and_requests_answered() {
    let server = Server::throwaway().await.unwrap();
    let program = Program::start_with(&["--nats-url", &server.url()]);
    let sender = Sender::to(&server.url()).await;
    for times in 1..=3 {
        server.kill().unwrap();
        server.restarted(times).await;
        let sender = Sender::to(&server.url()).await;
        sender.send("stock.A.receive", &format!("q{times}"), r#"{"quantity":1}"#).await;
        sender.all_done().await;
        eventually("requests are answered", async || {
            let id = format!("r{times}");
            sender.try_ask("stock.B.receive", &[("Nats-Msg-Id", &id)], r#"{"quantity":1}"#).await.ok()
        })
        .await;
        let pong = data(&sender.client.request("$SRV.PING.jetsource", "".into()).await.unwrap());
        assert_eq!(pong["name"], json!("jetsource"));
    }
    for article in ["stock.A", "stock.B"] {
        assert_eq!(sender.events(article).await.last().unwrap().1["on_hand"], 3, "{article}");
    }
    assert_eq!(sender.length("REJECTED").await, 0);
    drop(program);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_falls_silent_in_the_middle_loses_no_command() {
    let server = Server::throwaway().await.unwrap();
    let program = Program::start_with(&["--nats-url", &server.url()]);
    let sender = Sender::to(&server.url()).await;
    let mut sent = Vec::new();
    for number in 0..300 {
        let (command, id) = (format!("stock.A-{}.receive", number % 3), format!("q{number}"));
        sent.push(sender.publish(&command, &[("Nats-Msg-Id", &id)], r#"{"quantity":1}"#).await.unwrap());
    }
    eventually("some are done", async || (sender.length("EVENTS").await > 30).then_some(())).await;
    server.kill().unwrap();
    server.restarted(1).await;
    let sender = Sender::to(&server.url()).await;
    // Whoever was not told that his command is on the queue sends it again, under the same id.
    for number in 0..300 {
        sender
            .send(&format!("stock.A-{}.receive", number % 3), &format!("q{number}"), r#"{"quantity":1}"#)
            .await;
    }
    sender.all_done().await;
    for article in 0..3 {
        let events = sender.events(&format!("stock.A-{article}")).await;
        assert_eq!((events.len(), &events.last().unwrap().1["on_hand"]), (100, &json!(100)));
    }
    drop((program, sent));
    server.stop().await;
}
