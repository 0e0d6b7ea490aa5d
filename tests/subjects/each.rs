//! Each command of the contract, sent on its subject, becomes the event that it asks for.

use serde_json::json;
use uuid::Uuid;

use crate::harness::Program;
use crate::sender::{Sender, data, header};

#[tokio::test]
async fn commands_to_a_user() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (user, order) = (Uuid::now_v7(), Uuid::now_v7());
    let (other, gone) = (Uuid::now_v7(), Uuid::now_v7());
    let steps = [
        ("register", json!({"name": "Ann", "email": "ann@example.com", "credit_limit": 500})),
        ("change-profile", json!({"name": "Anna", "version": 1})),
        ("change-credit-limit", json!({"amount": 900})),
        ("reserve-credit", json!({"order_id": order, "amount": 800})),
        ("reserve-credit", json!({"order_id": other, "amount": 101})),
        ("capture-credit", json!({"order_id": order})),
        ("release-credit", json!({"order_id": gone})),
    ];
    for (number, (command, body)) in steps.iter().enumerate() {
        let id = format!("step-{number}");
        assert!(!sender.send(&format!("user.{user}.{command}"), &id, &body.to_string()).await);
        sender.all_done().await;
    }
    sender.send(&format!("user.{user}.delete"), "delete", "").await;
    sender.all_done().await;
    let types = [
        "user-registered",
        "user-profile-changed",
        "user-credit-limit-changed",
        "credit-reserved",
        "credit-refused",
        "credit-captured",
        "credit-released",
        "user-deleted",
    ];
    assert_eq!(sender.types(&format!("user.{user}")).await, types);
    assert_eq!(sender.length("REJECTED").await, 0);
}

#[tokio::test]
async fn commands_to_an_order() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let user = sender.user().await;
    let [draft, placed, refused, cancelled] = [(); 4].map(|()| Uuid::now_v7());
    let body =
        json!({"user_id": user, "lines": [{"sku": "tea", "quantity": 1, "unit_price": 5}]}).to_string();
    let steps = [
        (draft, "draft", body.as_str()),
        (draft, "change", r#"{"ship_to":"London"}"#),
        (draft, "place", "{}"),
        (draft, "confirm", ""),
        (draft, "ship", ""),
        (draft, "complete", "{}"),
        (placed, "place", &body),
        (refused, "place", &body),
        (refused, "reject", r#"{"reason":"credit: 5 needed, 4 available"}"#),
        (cancelled, "place", &body),
        (cancelled, "cancel", r#"{"reason":"no more tea"}"#),
    ];
    for (number, (order, command, body)) in steps.into_iter().enumerate() {
        sender.send(&format!("order.{order}.{command}"), &format!("step-{number}"), body).await;
        sender.all_done().await;
    }
    let types = async |order: Uuid| sender.types(&format!("order.{order}")).await.join(" ");
    assert_eq!(
        types(draft).await,
        "order-drafted order-ship-to-changed order-placed order-confirmed order-shipped order-completed"
    );
    assert_eq!(types(placed).await, "order-placed");
    assert_eq!(types(refused).await, "order-placed order-rejected");
    assert_eq!(types(cancelled).await, "order-placed order-cancelled");
    assert_eq!(sender.length("REJECTED").await, 0);
}

#[tokio::test]
async fn commands_to_an_article() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let order = Uuid::now_v7();
    // Many lines of an order may name one article: more than fits on one of them.
    let steps = [
        ("receive", json!({"quantity": 1_000_000})),
        ("receive", json!({"quantity": 1_000_000})),
        ("reserve", json!({"order_id": order, "quantity": 1_500_000})),
        ("reserve", json!({"order_id": Uuid::now_v7(), "quantity": 600_000})),
        ("ship", json!({"order_id": order})),
        ("release", json!({"order_id": Uuid::now_v7()})),
    ];
    for (number, (command, body)) in steps.iter().enumerate() {
        sender.send(&format!("stock.A=2E1.{command}"), &format!("step-{number}"), &body.to_string()).await;
        sender.all_done().await;
    }
    let types = [
        "stock-received",
        "stock-received",
        "stock-reserved",
        "stock-refused",
        "stock-shipped",
        "stock-released",
    ];
    assert_eq!(sender.types("stock.A=2E1").await, types);
    let shown = program.call(&["show", "stock", "A.1", "--json"]);
    assert!(shown.status.success());
}

#[tokio::test]
async fn where_a_command_comes_from_is_on_its_events() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let (cause, first) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("Nats-Msg-Id", "told"),
        ("ce-causationid", cause.as_str()),
        ("ce-correlationid", first.as_str()),
        ("traceparent", trace),
    ];
    sender.publish("stock.told.receive", &headers, r#"{"quantity":1}"#).await.unwrap().await.unwrap();
    sender.send("stock.untold.receive", "untold", r#"{"quantity":1}"#).await;
    sender.all_done().await;

    let told = &sender.stored("EVENTS", "events.stock.told").await[0];
    assert_eq!(header(told, "ce-causationid"), Some(cause));
    assert_eq!(header(told, "ce-correlationid"), Some(first));
    assert_eq!(header(told, "traceparent").as_deref(), Some(trace));
    assert_eq!(header(told, "ce-actor"), None);
    assert_eq!(data(told), json!({"quantity": 1, "on_hand": 1}));
    let untold = &sender.stored("EVENTS", "events.stock.untold").await[0];
    assert_eq!(header(untold, "ce-causationid"), header(untold, "ce-correlationid"));
    assert_eq!(header(untold, "traceparent"), None);
}

#[tokio::test]
async fn a_category_that_nobody_takes_fails_at_the_sender_at_once() {
    let program = Program::start();
    let sender = Sender::to(program.nats()).await;
    let sent = sender.publish("payment.7.capture", &[("Nats-Msg-Id", "a")], "{}").await.unwrap().await;
    let kind = sent.unwrap_err().kind();
    assert_eq!(kind, async_nats::jetstream::context::PublishErrorKind::StreamNotFound);
}
