//! A log that is not the one that the lists were built from.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::caller::Caller;
use crate::{Shop, eventually};

/// Stops the shop, takes its log away, and starts it on the same views.
fn with_another_log(mut shop: Shop) -> Shop {
    shop.program.terminate();
    fs::remove_dir_all(shop.program.data_dir().join("nats")).unwrap();
    shop.program.restart();
    shop.api = Caller::at(shop.program.http());
    shop
}

#[tokio::test]
async fn a_shorter_log_is_refused_aloud() {
    let shop = Shop::open();
    for quantity in 1..=3 {
        shop.api.post("/stock/A/receipts", &json!({"quantity": quantity})).is(200).await;
    }
    let listed = shop.api.get("/stock").header("jetsource-position", "3").is(200).await.json();
    let shop = with_another_log(shop);
    eventually("readyz says why", Duration::from_secs(5), async || {
        let ready = shop.api.get("/readyz").is(503).await.json();
        let reasons = ready["reasons"].to_string();
        let all = ["stock", "users", "orders", "position"].iter().all(|name| reasons.contains(name));
        (all && reasons.contains('3')).then_some(())
    })
    .await;
    // What was built stays as it was: nothing is dropped, nothing is built anew.
    assert_eq!(shop.api.get("/stock").header("prefer", "wait=0").is(200).await.json(), listed);
}
