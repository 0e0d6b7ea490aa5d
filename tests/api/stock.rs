//! Stock: articles, from their first receipt on.

use serde_json::json;

use crate::client::{Api, fresh_id, fresh_sku};
use crate::log::Log;

#[tokio::test]
async fn an_article_is_tracked_from_its_first_receipt_on() {
    let api = Api::shared();
    let sku = fresh_sku("tea.green_0");
    let path = format!("/stock/{sku}");
    let problem = api.get(&path).await.problem("not-found");
    assert_eq!(problem["instance"], path);
    let first = api.post(&format!("{path}/receipts"), json!({"quantity": 5})).await;
    assert_eq!(first.ok(), json!({"sku": sku, "on_hand": 5, "reserved": 0, "available": 5, "version": 1}));
    assert_eq!(first.version(), 1);
    let second = api.post(&format!("{path}/receipts"), json!({"quantity": 5})).await;
    assert_eq!(second.ok()["on_hand"], 10, "each receipt counts");
    assert!(second.position() > first.position());
    let read = api.get(&path).await;
    assert_eq!((read.ok(), read.version()), (second.ok(), 2));
}

#[tokio::test]
async fn what_orders_hold_is_not_available() {
    let api = Api::shared();
    let sku = fresh_sku("cup");
    api.post(&format!("/stock/{sku}/receipts"), json!({"quantity": 7})).await.ok();
    let held = json!({"order_id": fresh_id(), "quantity": 2, "reserved": 2});
    Log::of(&api).await.append(("stock", &sku), "stock-reserved", 2, &held).await;
    let article = api.get(&format!("/stock/{sku}")).await.ok();
    assert_eq!(article, json!({"sku": sku, "on_hand": 7, "reserved": 2, "available": 5, "version": 2}));
}

#[tokio::test]
async fn holding_what_nobody_tracks_does_not_make_it_tracked() {
    let api = Api::shared();
    let sku = fresh_sku("air");
    let held = json!({"order_id": fresh_id(), "quantity": 0, "reserved": 0});
    let position = Log::of(&api).await.append(("stock", &sku), "stock-reserved", 1, &held).await;
    api.get(&format!("/stock/{sku}")).await.problem("not-found");
    let position = position.to_string();
    let mut page = Some("/stock?limit=200".to_owned());
    while let Some(path) = page {
        let answer =
            api.call(&format!("GET {path}"), &[("jetsource-position", &position)], json!(null)).await;
        assert!(answer.ok().as_array().unwrap().iter().all(|article| article["sku"] != sku));
        page = answer.next();
    }
    assert_eq!(api.post(&format!("/stock/{sku}/receipts"), json!({"quantity": 3})).await.ok()["on_hand"], 3);
}

#[tokio::test]
async fn receipts_have_bounds() {
    let api = Api::shared();
    let path = format!("/stock/{}/receipts", fresh_sku("tea"));
    for wrong in [json!(0), json!(-1), json!(1_000_001), json!(1.5), json!("5"), json!(null), json!(u64::MAX)]
    {
        let answer = api.post(&path, json!({"quantity": wrong})).await;
        assert_eq!(answer.wrong_fields(), ["/quantity"], "{wrong}");
    }
    assert_eq!(api.post(&path, json!({})).await.wrong_fields(), ["/quantity"]);
    assert_eq!(api.post(&path, json!({"quantity": 1, "sku": "x"})).await.wrong_fields(), ["/sku"]);
    assert_eq!(api.post(&path, json!({"quantity": 1_000_000})).await.ok()["on_hand"], 1_000_000);
}

#[tokio::test]
async fn skus_have_a_form() {
    let api = Api::shared();
    let longest = format!("{}{}", fresh_sku("x"), "x".repeat(30));
    assert_eq!(longest.len(), 64);
    api.post(&format!("/stock/{longest}/receipts"), json!({"quantity": 1})).await.ok();
    for wrong in [format!("{longest}x"), "a%20b".into(), "%2A".into(), "%3E".into(), "th%C3%A9".into()] {
        api.get(&format!("/stock/{wrong}")).await.problem("malformed-request");
        api.post(&format!("/stock/{wrong}/receipts"), json!({"quantity": 1}))
            .await
            .problem("malformed-request");
    }
    let sku = fresh_sku("Case");
    api.post(&format!("/stock/{sku}/receipts"), json!({"quantity": 1})).await.ok();
    api.get(&format!("/stock/{}", sku.to_lowercase())).await.problem("not-found");
}

#[tokio::test]
async fn receipts_at_once_all_count() {
    let api = Api::shared();
    let sku = fresh_sku("rush");
    let path = format!("/stock/{sku}/receipts");
    let answers =
        futures_util::future::join_all((0..16).map(|_| api.post(&path, json!({"quantity": 2})))).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count() as u64;
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("conflict");
    }
    assert_eq!(api.get(&format!("/stock/{sku}")).await.ok()["on_hand"], 2 * done);
}
