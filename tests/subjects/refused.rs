//! What the rules refuse, and what cannot be read, is put aside with the reason, and does not come again.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Program;
use crate::sender::{Sender, data, eventually, header};

/// The one that was put aside of a command: its problem.
async fn aside(sender: &Sender, command: &str) -> Value {
    let aside = sender.aside(command).await;
    assert_eq!(aside.len(), 1, "{command}: {aside:?}");
    let problem = data(&aside[0]);
    assert_eq!(problem["instance"], format!("commands.{command}"));
    assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["status"].is_u64());
    problem
}

#[tokio::test]
async fn what_the_rules_refuse_is_put_aside_with_all_that_it_takes_to_send_it_again() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (_, order) = sender.order().await;
    let command = format!("order.{order}.cancel");
    let cause = Uuid::now_v7().to_string();
    sender.ask(&format!("order.{order}.confirm"), None, "").await;
    sender.ask(&format!("order.{order}.ship"), None, "").await;
    let headers = [
        ("Nats-Msg-Id", "late"),
        ("Nats-Expected-Stream", "COMMANDS"),
        ("ce-causationid", &cause),
        ("x-shop", "Turin"),
    ];
    let body = r#"{ "reason": "too late" }"#;
    sender.publish(&command, &headers, body).await.unwrap().await.unwrap();
    sender.all_done().await;
    let problem = aside(&sender, &command).await;
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/order-state"), &json!(409)));
    assert_eq!(problem["command"], json!({"reason": "too late"}));
    let stored = &sender.aside(&command).await[0];
    assert!(String::from_utf8_lossy(&stored.payload).contains(body), "letter by letter");
    assert_eq!(header(stored, "Nats-Msg-Id").as_deref(), Some("late"));
    assert_eq!(header(stored, "ce-causationid"), Some(cause));
    assert_eq!(header(stored, "x-shop").as_deref(), Some("Turin"));
    assert_eq!(header(stored, "Nats-Expected-Stream"), None);
    assert_eq!(sender.types(&format!("order.{order}")).await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_too() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let order = Uuid::now_v7();
    let large = format!("{{\"quantity\":1{}}}", " ".repeat(256 * 1024));
    let place = format!("order.{order}.place");
    let unreadable = [
        ("stock.a.receive", "{oh", "malformed-request", json!("{oh")),
        ("stock.b.receive", "", "malformed-request", json!("")),
        ("stock.c.receive", "[1]", "invalid-request", json!([1])),
        (
            "stock.d.receive",
            r#"{"quantity":0,"colour":1}"#,
            "invalid-request",
            json!({"quantity": 0, "colour": 1}),
        ),
        ("stock.e.paint", "{}", "not-found", json!({})),
        ("user.ann.delete", "{}", "malformed-request", json!({})),
        ("stock.f", "{}", "malformed-request", json!({})),
        ("stock.g.receive.now", "{}", "malformed-request", json!({})),
        ("stock.h=2a.receive", "{}", "malformed-request", json!({})),
        ("stock.i.receive", &large, "payload-too-large", Value::Null),
        (&place, r#"{"user_id":"7","lines":[],"draft":true,"id":"8"}"#, "invalid-request", Value::Null),
    ];
    for (command, body, ..) in &unreadable {
        sender.send(command, &format!("to {command}").replace(' ', "-"), body).await;
    }
    sender.publish("stock.j.receive", &[], r#"{"quantity":1}"#).await.unwrap().await.unwrap();
    let wrong = [("Nats-Msg-Id", "k"), ("ce-causationid", "somebody")];
    sender.publish("stock.k.receive", &wrong, r#"{"quantity":1}"#).await.unwrap().await.unwrap();
    sender.all_done().await;
    for (command, _, slug, kept) in &unreadable {
        let problem = aside(&sender, command).await;
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{command}: {problem}");
        if !kept.is_null() {
            assert_eq!(problem["command"], *kept, "{command}");
        }
    }
    let pointers = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(pointers(&aside(&sender, "stock.d.receive").await), ["/quantity", "/colour"]);
    let mut all = pointers(&aside(&sender, &place).await);
    all.sort();
    assert_eq!(all, ["/draft", "/id", "/lines", "/user_id"]);
    let without_id = aside(&sender, "stock.j.receive").await;
    assert!(without_id["detail"].as_str().unwrap().contains("Nats-Msg-Id"), "{without_id}");
    let cause = aside(&sender, "stock.k.receive").await;
    assert!(cause["detail"].as_str().unwrap().contains("ce-causationid"), "{cause}");
    assert_eq!(sender.length("EVENTS").await, 0);
    assert_eq!(sender.length("REJECTED").await, unreadable.len() as u64 + 2);
}

#[tokio::test]
async fn one_that_is_refused_again_later_is_put_aside_again() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let command = format!("order.{}.ship", Uuid::now_v7());
    sender.send(&command, "early", "").await;
    sender.all_done().await;
    // Two refusals that are the same, in the same moment, are one.
    eventually("it is there twice", async || {
        sender.send_again(&command, "early", "").await;
        sender.all_done().await;
        (sender.aside(&command).await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_problems_are_those_of_http() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (user, order) = sender.order().await;
    let taken = json!({"name": "Ben", "email": format!("{user}@EXAMPLE.com")}).to_string();
    let nobody = json!({"user_id": order, "lines": []}).to_string();
    let refusals = [
        (format!("user.{order}.register"), taken, "email-taken"),
        (format!("user.{user}.register"), r#"{"name":"Ben","email":"ben@example.com"}"#.into(), "conflict"),
        (format!("user.{order}.delete"), String::new(), "not-found"),
        (format!("user.{user}.change-profile"), r#"{"name":"Eve","version":7}"#.into(), "version-mismatch"),
        (format!("user.{user}.change-profile"), r#"{"status":"deleted"}"#.into(), "invalid-request"),
        (format!("order.{user}.draft"), nobody, "unknown-user"),
        (format!("order.{order}.complete"), String::new(), "order-state"),
    ];
    for (number, (command, body, slug)) in refusals.iter().enumerate() {
        let reply = sender.ask(command, Some(&number.to_string()), body).await;
        assert_eq!(reply.body["type"], format!("/problems/{slug}"), "{command}: {reply:?}");
        assert_eq!(reply.error.map(|(code, _)| json!(code)), Some(reply.body["status"].clone()));
    }
}
