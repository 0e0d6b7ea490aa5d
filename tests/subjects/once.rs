//! A command is carried out once, however often and by whichever way it comes.

use nats_launcher::Server;
use serde_json::json;
use uuid::Uuid;

use crate::harness::Program;
use crate::sender::{Sender, eventually};

#[tokio::test]
async fn one_id_three_times_happens_once() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (command, body) = ("stock.A.receive", r#"{"quantity":3}"#);
    sender.send(command, "a", body).await;
    sender.all_done().await;
    let asked = sender.ask(command, Some("a"), body).await;
    assert_eq!((asked.error, &asked.body["version"]), (None, &json!(1)));
    // White space around a body makes it no other one.
    sender.send_again(command, "a", &format!(" {body}\n")).await;
    sender.all_done().await;
    assert_eq!(sender.types("stock.A").await, ["stock-received"]);
    assert_eq!(sender.length("REJECTED").await, 0);

    // A key of an HTTP call is another matter.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = http.post(format!("{}/stock/A/receipts", program.http())).header("idempotency-key", "a");
    let answer = post.header("content-type", "application/json").body(body).send().await.unwrap();
    assert!(answer.status().is_success() && answer.headers().get("idempotency-replayed").is_none());
    assert_eq!(sender.types("stock.A").await, ["stock-received", "stock-received"]);
}

#[tokio::test]
async fn one_id_for_another_command_is_refused() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    sender.ask("stock.A.receive", Some("a"), r#"{"quantity":3}"#).await;
    for (command, body) in
        [("stock.A.receive", r#"{"quantity":4}"#), ("stock.B.receive", r#"{"quantity":3}"#)]
    {
        let reply = sender.ask(command, Some("a"), body).await;
        assert_eq!(reply.body["type"], "/problems/idempotency-key-reused", "{reply:?}");
        assert!(reply.body["detail"].as_str().unwrap().contains("Nats-Msg-Id"));
    }
}

#[tokio::test]
async fn a_command_that_comes_again_after_its_order_moved_on_is_known() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (_, order) = sender.order().await;
    let to = |command: &str| format!("order.{order}.{command}");
    for command in ["confirm", "ship"] {
        sender.send(&to(command), command, "").await;
        sender.all_done().await;
    }
    sender.send_again(&to("confirm"), "confirm", "").await;
    sender.all_done().await;
    let known = sender.ask(&to("confirm"), Some("confirm"), "").await;
    assert_eq!((known.error, &known.body["version"]), (None, &json!(2)));
    assert_eq!(sender.length("REJECTED").await, 0);
    assert_eq!(
        sender.types(&format!("order.{order}")).await,
        ["order-placed", "order-confirmed", "order-shipped"]
    );
    // Another one that asks for the same comes too late.
    let late = sender.ask(&to("confirm"), Some("another"), "").await;
    assert_eq!(late.body["type"], "/problems/order-state", "{late:?}");
}

#[tokio::test]
async fn a_reservation_that_comes_again_after_it_was_let_go_changes_nothing() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (user, order) = sender.order().await;
    sender.ask("stock.A.receive", None, r#"{"quantity":9}"#).await;
    let (credit, stock) = (
        json!({"order_id": order, "amount": 5}).to_string(),
        json!({"order_id": order, "quantity": 5}).to_string(),
    );
    let about = json!({"order_id": order}).to_string();
    let reserve = [(format!("user.{user}.reserve-credit"), &credit), ("stock.A.reserve".into(), &stock)];
    let ends = [format!("user.{user}.release-credit"), "stock.A.ship".to_owned()];
    for (number, (command, body)) in reserve.iter().enumerate() {
        sender.send(command, &format!("reserve-{number}"), body).await;
        sender.all_done().await;
        sender.send(&ends[number], &format!("end-{number}"), &about).await;
        sender.all_done().await;
        sender.send_again(command, &format!("reserve-{number}"), body).await;
        sender.all_done().await;
    }
    let user = format!("user.{user}");
    assert_eq!(sender.types(&user).await, ["user-registered", "credit-reserved", "credit-released"]);
    assert_eq!(sender.types("stock.A").await, ["stock-received", "stock-reserved", "stock-shipped"]);
    // Another command for the order is a new wish, and is answered.
    sender.ask(&reserve[0].0, Some("another"), &credit).await;
    assert_eq!(sender.types(&user).await.last().unwrap(), "credit-refused");
}

#[tokio::test]
async fn a_reservation_that_comes_again_after_another_one_took_its_place_changes_nothing() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let user = sender.user().await;
    let (order, command) = (Uuid::now_v7(), format!("user.{user}.reserve-credit"));
    let body = |amount: u32| json!({"order_id": order, "amount": amount}).to_string();
    for (id, amount) in [("first", 5), ("second", 0), ("first", 5), ("third", 7), ("first", 5), ("second", 0)]
    {
        let reply = sender.ask(&command, Some(id), &body(amount)).await;
        assert_eq!(reply.error, None, "{reply:?}");
    }
    let events = sender.events(&format!("user.{user}")).await;
    let amounts: Vec<_> = events[1..].iter().map(|(_, data)| data["amount"].as_u64().unwrap()).collect();
    assert_eq!(amounts, [5, 0, 7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_of_five_hundred_loses_none_and_does_none_twice() {
    const COMMANDS: u64 = 500;
    let server = Server::throwaway().await.unwrap();
    let mut program = Program::start_with(&["--nats-url", &server.url()]);
    let sender = Sender::to(&server.url()).await;
    program.kill();
    let mut sent = Vec::new();
    for number in 0..COMMANDS {
        let id = number.to_string();
        let command = format!("stock.A-{}.receive", number % 5);
        sent.push(sender.publish(&command, &[("Nats-Msg-Id", &id)], r#"{"quantity":1}"#).await.unwrap());
    }
    for sent in sent {
        sent.await.unwrap();
    }
    for stored in [60, 250] {
        program.restart();
        eventually("some are done", async || (sender.length("EVENTS").await >= stored).then_some(())).await;
        program.kill();
        assert!(sender.length("COMMANDS").await > 0, "the crash came too late");
    }
    program.restart();
    sender.all_done().await;
    for article in 0..5 {
        let events = sender.events(&format!("stock.A-{article}")).await;
        assert_eq!(events.last().unwrap().1["on_hand"], COMMANDS / 5);
        assert_eq!(events.len() as u64, COMMANDS / 5);
    }
    assert_eq!(sender.length("REJECTED").await, 0);
    drop(program);
    server.stop().await;
}
