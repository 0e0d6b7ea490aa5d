//! Another tool has a say, with a plain NATS client.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::{HeaderMap, jetstream};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::shop::Shop;

/// The other tool.
struct Payment {
    context: jetstream::Context,
    commands: pull::Stream,
}

impl Payment {
    async fn of(shop: &Shop) -> Self {
        let context = jetstream::new(async_nats::connect(shop.program.nats()).await.unwrap());
        let config = pull::Config {
            durable_name: Some("payment".into()),
            filter_subject: "commands.payment.>".into(),
            ..pull::Config::default()
        };
        let consumer = context.create_consumer_on_stream(config, "COMMANDS").await.unwrap();
        Self { context, commands: consumer.messages().await.unwrap() }
    }

    /// What it is asked next: for which order, and with what.
    async fn asked(&mut self, command: &str) -> (String, Value) {
        let message = timeout(Duration::from_mins(1), self.commands.next()).await.unwrap().unwrap().unwrap();
        message.ack().await.unwrap();
        let mut tokens = message.subject.split('.').skip(2).map(str::to_owned);
        let order = tokens.next().unwrap();
        assert_eq!(tokens.next().as_deref(), Some(command));
        (order, serde_json::from_slice(&message.payload).unwrap())
    }

    async fn answers(&self, order: &str, answer: &str, body: &Value) {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", uuid::Uuid::now_v7().to_string());
        headers.insert("ce-type", answer);
        let subject = format!("append.payment.{order}");
        let sent = self.context.publish_with_headers(subject, headers, body.to_string().into()).await;
        sent.unwrap().await.unwrap();
    }
}

#[tokio::test]
async fn a_participant_is_asked_and_its_answer_counts() {
    let shop = Shop::open(&["--checkout-participants", "payment"]).await;
    let mut payment = Payment::of(&shop).await;
    let order = shop.orders(1, 400).await;
    let (asked, body) = payment.asked("authorise").await;
    assert_eq!((&asked, &body["amount"], &body["user_id"]), (&order, &json!(400), &json!(shop.user)));
    shop.checkout_is(&order, |saga| saga["waits_for"] == json!(["payment"])).await;
    payment.answers(&order, "payment-authorised", &json!({})).await;
    assert_eq!(shop.settled(&order).await["status"], "confirmed");

    shop.does(Method::DELETE, &format!("/orders/{order}"), &Value::Null).await;
    assert_eq!(payment.asked("void").await.0, order);
    shop.comes_to((0, 0, 10)).await;
}

#[tokio::test]
async fn one_that_declines_or_is_silent_has_everything_given_back() {
    let shop = Shop::open(&["--checkout-participants", "payment", "--checkout-deadline", "2s"]).await;
    let mut payment = Payment::of(&shop).await;
    let declined = shop.orders(1, 400).await;
    payment.asked("authorise").await;
    payment.answers(&declined, "payment-declined", &json!({"reason": "no cover"})).await;
    let rejected = shop.settled(&declined).await;
    assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!("payment: no cover")));

    let silent = shop.orders(1, 400).await;
    payment.asked("authorise").await;
    let rejected = shop.settled(&silent).await;
    assert_eq!(rejected["status"], "rejected");
    assert!(
        rejected["reason"].as_str().unwrap().starts_with("deadline: no answer from payment"),
        "{rejected}"
    );
    assert_eq!(payment.asked("void").await.0, silent);
    assert_eq!(shop.held().await, (0, 0, 10));
    // Late, it is asked to take it back once more.
    payment.answers(&silent, "payment-authorised", &json!({})).await;
    assert_eq!(payment.asked("void").await.0, silent);
}

#[tokio::test]
async fn a_name_that_cannot_be_is_refused_in_one_line() {
    for wrong in ["Payment", "order", "pay.ment"] {
        let output = crate::harness::call(&["serve", "--checkout-participants", wrong]);
        let said = crate::harness::stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--checkout-participants") && said.trim().lines().count() == 1, "{said}");
    }
}
