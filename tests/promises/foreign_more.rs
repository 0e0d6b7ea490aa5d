//! What a foreign hand wrote, as the contract has it: stepped over, counted, listed, never counted in versions.

use serde_json::json;
use uuid::Uuid;

use crate::foreign::{headers, shop, whole};
use crate::log;

#[tokio::test]
async fn what_has_the_next_version_but_cannot_be_read_does_not_count() {
    let (mut shop, _, order) = shop().await;
    let subject = order.replace("/orders/", "append.order.");
    let id = |n: u128| Uuid::from_u128(n).to_string();
    for (version, body) in [(2, "[]"), (3, "{}"), (4, r#"{"user_id":5}"#)] {
        let (id, next) = (id(version.into()), version.to_string());
        log::append(shop.program.nats(), &subject, &headers(&id, "order-shipped", &next), body).await;
        let after = shop.api.put(&order, &json!({"ship_to": format!("door {version}")})).is(200).await;
        assert_eq!(after.version(), version);
    }
    whole(&shop, &order, 4).await;
    shop.crash();
    whole(&shop, &order, 4).await;
}

#[tokio::test]
async fn a_type_that_nobody_knows_on_an_entity_of_ours_does_not_count() {
    let (shop, _, order) = shop().await;
    let subject = order.replace("/orders/", "append.order.");
    let id = Uuid::now_v7().to_string();
    log::append(shop.program.nats(), &subject, &headers(&id, "order-frobnicated", "2"), "{}").await;
    shop.api.get(&order).is(200).await;
    shop.api.put(&order, &json!({"ship_to": "here"})).is(200).await;
    whole(&shop, &order, 2).await;
}
