//! From `placed` to whatever comes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::Shop;

#[tokio::test]
async fn an_order_is_confirmed_once_all_is_set_aside_and_shipped_from_what_was() {
    let shop = Shop::open(&[]).await;
    let order = shop.orders(2, 1250).await;
    assert_eq!(shop.settled(&order).await["status"], "confirmed");
    assert_eq!(shop.held().await, (2500, 2, 10));
    shop.does(Method::POST, &format!("/orders/{order}/ship"), &json!({})).await;
    shop.comes_to((0, 0, 8)).await;
    shop.checkout_is(&order, |saga| saga["outcome"] == "shipped").await;
    shop.does(Method::POST, &format!("/orders/{order}/complete"), &json!({})).await;
}

#[tokio::test]
async fn an_order_is_rejected_with_a_reason_once_all_is_given_back() {
    let shop = Shop::open(&[]).await;
    for (quantity, price, reason) in [
        (1, 10_001, "credit: 10001 needed, 10000 available"),
        (11, 1, "stock of teapot: 11 needed, 10 available"),
    ] {
        let rejected = shop.settled(&shop.orders(quantity, price).await).await;
        assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!(reason)));
        assert_eq!(shop.held().await, (0, 0, 10));
    }
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_had() {
    let shop = Shop::open(&[]).await;
    let order = shop.orders(3, 100).await;
    assert_eq!(shop.settled(&order).await["status"], "confirmed");
    assert_eq!(shop.held().await, (300, 3, 10));
    shop.does(Method::DELETE, &format!("/orders/{order}"), &Value::Null).await;
    shop.comes_to((0, 0, 10)).await;
    // Cancelled while nobody knows how far its checkout is.
    let order = shop.orders(3, 100).await;
    shop.does(Method::DELETE, &format!("/orders/{order}"), &Value::Null).await;
    shop.checkout_is(&order, |saga| saga["outcome"] == "cancelled").await;
    assert_eq!(shop.held().await, (0, 0, 10));
}

#[tokio::test]
async fn an_article_without_a_receipt_needs_no_stock_and_one_on_several_lines_is_summed() {
    let shop = Shop::open(&[]).await;
    let line = |sku: &str, quantity: u64| json!({"sku": sku, "quantity": quantity, "unit_price": 1});
    let lines = json!([line("teapot", 4), line("gift", 1000), line("teapot", 5)]);
    let order = shop.does(Method::POST, "/orders", &json!({"user_id": shop.user, "lines": lines})).await;
    assert_eq!(shop.settled(order["id"].as_str().unwrap()).await["status"], "confirmed");
    assert_eq!(shop.held().await, (1009, 9, 10));
}

#[tokio::test]
async fn a_draft_waits_until_it_is_placed() {
    let shop = Shop::open(&[]).await;
    let line = json!({"sku": "teapot", "quantity": 1, "unit_price": 7});
    let body = json!({"user_id": shop.user, "lines": [line], "draft": true});
    let draft = shop.does(Method::POST, "/orders", &body).await;
    let id = draft["id"].as_str().unwrap();
    let (status, _) = shop.asks(Method::GET, &format!("/sagas/checkout/{id}"), &Value::Null).await;
    assert_eq!(status, 404);
    shop.does(Method::POST, &format!("/orders/{id}/place"), &json!({})).await;
    assert_eq!(shop.settled(id).await["status"], "confirmed");
}

#[tokio::test]
async fn what_was_placed_while_no_sagas_ran_is_checked_out_when_they_do() {
    let mut shop = Shop::open(&[]).await;
    shop.program.terminate();
    shop.program.restart_with(&["--role", "api,projections"]);
    let order = shop.orders(1, 5).await;
    assert_eq!(shop.get(&format!("/orders/{order}")).await["status"], "placed");
    shop.program.terminate();
    shop.program.restart_with(&["--role", "api,projections,sagas"]);
    assert_eq!(shop.settled(&order).await["status"], "confirmed");
}
