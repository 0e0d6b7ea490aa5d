//! A key works on every call that changes something.

use domain::{Order, OrderCommand};
use event_model::Metadata;
use event_store::{Connection, EventStore, Settings};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::caller::Answer;
use crate::{Shop, fold, log};

/// A shop with a second node, where each call is made twice under a key, the second time on the other node.
struct Rehearsed {
    shop: Shop,
    other: Shop,
    answers: Vec<(String, Value, Answer)>,
}

impl Rehearsed {
    fn open() -> Self {
        let shop = Shop::open();
        let other = shop.second_node();
        Self { shop, other, answers: Vec::new() }
    }

    /// Calls under a key, and again; both say the same.
    async fn call(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let call = format!("{method} {path}");
        let key = format!("{} {call}", self.answers.len()).replace(' ', "|");
        let (api, other) = (&self.shop.api, &self.other.api);
        let first = api.call(method, path).body(&body).key(&key).answer().await;
        assert!(matches!(first.status, 200 | 201) && !first.is_replayed(), "{call}: {first:?}");
        other.call(method, path).body(&body).key(&key).answer().await.repeats(&first);
        api.call(method, path).body(&body).key(&key).answer().await.repeats(&first);
        self.answers.push((key, body, first.clone()));
        first
    }
}

/// What the checkout will do.
async fn confirm(nats: &str, order: &str) {
    let store = EventStore::open(Connection::open(nats).await.unwrap(), Settings::default()).await.unwrap();
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    store.execute::<Order>(&order.parse().unwrap(), OrderCommand::Confirm, &metadata).await.unwrap();
}

#[tokio::test]
async fn every_command_answers_its_repetition_as_the_first_time() {
    let mut shop = Rehearsed::open();
    let ann = shop.call("POST", "/users", json!({"name": "Ann", "email": "ann@example.com"})).await.id();
    let user = format!("/users/{ann}");
    shop.call("PUT", &user, json!({"name": "Anna"})).await;
    shop.call("PUT", &user, json!({"email": "anna@example.com"})).await;
    shop.call("PUT", &format!("{user}/credit-limit"), json!({"amount": 5})).await;
    shop.call("POST", "/stock/A.1/receipts", json!({"quantity": 3})).await;

    let lines = json!([{"sku": "A.1", "quantity": 2, "unit_price": 100}]);
    let draft = json!({"user_id": ann, "lines": [], "draft": true});
    let draft = shop.call("POST", "/orders", draft).await.id();
    let order = format!("/orders/{draft}");
    shop.call("PUT", &order, json!({"lines": lines, "ship_to": "here"})).await;
    shop.call("POST", &format!("{order}/place"), json!({})).await;
    confirm(shop.shop.program.nats(), &draft).await;
    shop.call("POST", &format!("{order}/ship"), json!({})).await;
    shop.call("POST", &format!("{order}/complete"), json!({})).await;

    let placed = json!({"user_id": ann, "lines": lines});
    let one = shop.call("POST", "/orders", placed.clone()).await.id();
    shop.call("POST", &format!("/orders/{one}/cancel"), json!({"reason": "too dear"})).await;
    let two = shop.call("POST", "/orders", placed).await.id();
    shop.call("DELETE", &format!("/orders/{two}"), json!({})).await;
    shop.call("DELETE", &user, json!({})).await;

    let stored = shop.shop.log().await;
    // 15 calls, of which one appended to one entity and its claim, one to one entity and two claims, one to one
    // entity two events, and the last to an entity and its claim; and the confirmation.
    assert_eq!((shop.answers.len(), stored.len()), (15, 15 + 1 + 2 + 1 + 1 + 1));
    log::check(&stored);

    // Once more, after all has moved on, and after a crash.
    shop.shop.crash();
    for (key, body, first) in &shop.answers {
        let (_, call) = key.split_once('|').unwrap();
        let (method, path) = call.split_once('|').unwrap();
        shop.shop.api.call(method, path).body(body).key(key).answer().await.repeats(first);
    }
    assert_eq!(shop.shop.log().await, stored);
    fold::lists_equal_the_fold(&shop.shop.api, &stored).await;
}

#[tokio::test]
async fn every_command_that_changes_nothing_answers_its_repetition_so_too() {
    let mut shop = Rehearsed::open();
    let api = shop.shop.api.clone();
    let ann = api.post("/users", &json!({"name": "Ann", "email": "ann@example.com"})).is(201).await.id();
    let lines = json!([{"sku": "A", "quantity": 2, "unit_price": 100}]);
    let order = json!({"user_id": ann, "lines": lines, "ship_to": "here"});
    let id = api.post("/orders", &order).is(201).await.id();
    let (user, order) = (format!("/users/{ann}"), format!("/orders/{id}"));
    let before = shop.shop.log().await;

    shop.call("PUT", &user, json!({"name": "Ann"})).await;
    shop.call("PUT", &format!("{user}/credit-limit"), json!({"amount": 100_000})).await;
    shop.call("PUT", &order, json!({"ship_to": "here", "lines": lines})).await;
    shop.call("POST", &format!("{order}/place"), json!({})).await;
    assert_eq!(shop.shop.log().await, before);
    confirm(shop.shop.program.nats(), &id).await;
    shop.call("POST", &format!("{order}/place"), json!({})).await;
    let confirmed = shop.answers.len();
    api.put(&order, &json!({"ship_to": "there"})).is(200).await;
    api.delete(&order).is(200).await;
    shop.call("POST", &format!("{order}/cancel"), json!({})).await;
    shop.call("DELETE", &order, json!({})).await;
    assert_eq!(shop.shop.log().await.len(), before.len() + 3);

    api.put(&format!("{user}/credit-limit"), &json!({"amount": 1})).is(200).await;
    api.delete(&user).is(200).await;
    let after = shop.shop.log().await;
    shop.shop.crash();
    for (key, body, first) in &shop.answers {
        let (method, path) = key.split_once('|').unwrap().1.split_once('|').unwrap();
        shop.shop.api.call(method, path).body(body).key(key).answer().await.repeats(first);
    }
    assert!(confirmed < shop.answers.len());
    assert_eq!(shop.shop.log().await, after);
}
