//! Other tools write to the log too, well or badly: nothing stops, and what they wrote is not taken for ours.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::stdout;
use crate::{Shop, fold, log};

/// The headers of an event as the contract has them.
pub(crate) fn headers<'a>(id: &'a str, kind: &'a str, version: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("ce-id", id),
        ("ce-type", kind),
        ("ce-entityversion", version),
        ("ce-specversion", "1.0"),
        ("ce-time", "2026-01-01T00:00:00Z"),
    ]
}

/// A shop with a user and a placed order, at version 1 both; its paths.
pub(crate) async fn shop() -> (Shop, String, String) {
    let shop = Shop::open();
    let ann = json!({"name": "Ann", "email": "ann@example.com"});
    let ann = shop.api.post("/users", &ann).is(201).await.id();
    let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 5}]);
    let order = shop.api.post("/orders", &json!({"user_id": ann, "lines": lines})).is(201).await.id();
    (shop, format!("/users/{ann}"), format!("/orders/{order}"))
}

#[tokio::test]
async fn another_tool_keeps_events_of_its_own() {
    let (shop, user, order) = shop().await;
    let nats = shop.program.nats();
    let listener = log::Listener::start(nats).await;
    let id = Uuid::now_v7().to_string();
    let own = [("ce-id", &*id), ("ce-type", "parcel-weighed")];
    let position = log::append(nats, "append.parcel.17", &own, r#"{"grams":5}"#).await;
    // An id that is no UUID, a deeper subject, an entity id that none of ours could be.
    log::append(nats, "append.parcel.18", &[("ce-id", "x/1"), ("ce-type", "t")], "{}").await;
    log::append(nats, "append.parcel.a.b.c", &own, "{}").await;
    log::append(nats, "append.order.not-a-uuid", &own, "{}").await;
    let after = shop.api.put(&order, &json!({"ship_to": "here"})).is(200).await;
    assert_eq!((after.version(), after.position()), (2, position + 4));
    shop.api.put(&user, &json!({"name": "Anna"})).is(200).await;
    let stored = shop.log().await;
    fold::lists_equal_the_fold(&shop.api, &stored).await;
    listener.heard_exactly(&stored[3..]).await;
    shop.api.get("/readyz").is(200).await;

    let tail = shop.program.call(&["events", "tail", "--json", "--category", "parcel", "--from", "4"]);
    let told: Value = serde_json::from_str(stdout(&tail).lines().next().unwrap()).unwrap();
    assert_eq!((&told["type"], &told["data"]), (&json!("parcel-weighed"), &json!({"grams": 5})), "{told}");
}

/// Each of these lies on an order's own subject.
#[tokio::test]
async fn garbage_on_an_entity_of_ours_hinders_nobody() {
    let (mut shop, _, order) = shop().await;
    let subject = order.replace("/orders/", "append.order.");
    let id = |n: u128| Uuid::from_u128(n).to_string();
    let (one, two, three, four) = (id(1), id(2), id(3), id(4));
    let shipped = r#"{"user_id":"0190a5e2-0000-7000-8000-0000000000aa"}"#;
    let garbage = [
        (vec![], "not json"),
        (vec![], "{}"),
        (vec![("ce-id", &*one), ("ce-type", "order-shipped")], shipped),
        (headers(&two, "order-shipped", "7"), shipped),
        (headers(&three, "order-shipped", "x"), shipped),
        (headers(&four, "order-shipped", "1"), shipped),
    ];
    for (version, (headers, body)) in (2..).zip(garbage) {
        log::append(shop.program.nats(), &subject, &headers, body).await;
        let change = json!({"ship_to": format!("door {version}")});
        let after = shop.api.put(&order, &change).is(200).await;
        assert_eq!(after.version(), version, "{headers:?}");
        assert_eq!(shop.api.get(&order).is(200).await.json(), after.json());
    }
    whole(&shop, &order, 7).await;
    shop.crash();
    whole(&shop, &order, 7).await;
}

/// The order has so many events, all placed or changed, and the lists show it as it is.
pub(crate) async fn whole(shop: &Shop, order: &str, version: u64) {
    assert_eq!(shop.api.get(order).is(200).await.version(), version);
    let events = shop.api.get(&format!("{order}/events")).is(200).await.json();
    let told: Vec<_> = events.as_array().unwrap().iter().map(|event| event["version"].as_u64()).collect();
    assert_eq!(told, (1..=version).map(Some).collect::<Vec<_>>(), "{events}");
    let ours = |kind: &str| matches!(kind, "order-placed" | "order-ship-to-changed");
    assert!(events.as_array().unwrap().iter().all(|event| ours(event["type"].as_str().unwrap())), "{events}");
    fold::lists_equal_the_fold(&shop.api, &shop.log().await).await;
    shop.api.get("/readyz").is(200).await;
}
