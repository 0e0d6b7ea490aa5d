//! A user who goes, and what becomes of the orders.

use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::Shop;

#[tokio::test]
async fn the_open_orders_of_a_deleted_user_are_cancelled_and_give_back() {
    let shop = Shop::open(&[]).await;
    let line = json!({"sku": "teapot", "quantity": 1, "unit_price": 7});
    let body = json!({"user_id": shop.user, "lines": [line], "draft": true});
    let draft = shop.does(Method::POST, "/orders", &body).await["id"].as_str().unwrap().to_owned();
    let (confirmed, shipped) = (shop.orders(2, 100).await, shop.orders(1, 100).await);
    for order in [&confirmed, &shipped] {
        assert_eq!(shop.settled(order).await["status"], "confirmed");
    }
    shop.does(Method::POST, &format!("/orders/{shipped}/ship"), &json!({})).await;
    shop.checkout_is(&shipped, |saga| saga["outcome"] == "shipped").await;
    assert_eq!(shop.held().await, (200, 2, 9));
    shop.does(Method::DELETE, &format!("/users/{}", shop.user), &Value::Null).await;
    for order in [&draft, &confirmed] {
        shop.until("it is cancelled", || async {
            shop.get(&format!("/orders/{order}")).await["status"] == "cancelled"
        })
        .await;
    }
    shop.until("the teapots are given back", || async { shop.get("/stock/teapot").await["reserved"] == 0 })
        .await;
    assert_eq!(shop.get(&format!("/orders/{shipped}")).await["status"], "shipped");
    let departure = shop.get(&format!("/sagas/departure/{}", shop.user)).await;
    assert_eq!((&departure["state"], &departure["outcome"]), (&json!("done"), &json!("departed")));
    let reason = &shop.get(&format!("/orders/{draft}")).await["reason"];
    assert_eq!(reason, "the user was deleted");
}
