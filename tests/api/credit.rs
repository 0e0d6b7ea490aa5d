//! A user's credit: its limit, and what orders hold of it.

use serde_json::json;

use crate::client::{Api, fresh_id};
use crate::log::Log;

#[tokio::test]
async fn my_limit_is_set_and_set_again() {
    let api = Api::shared();
    let user = api.user().await;
    let path = format!("{}/credit-limit", Api::path(&user));
    let answer = api.put(&path, json!({"amount": 2500})).await;
    assert_eq!(answer.ok()["credit"], json!({"limit": 2500, "reserved": 0, "available": 2500}));
    assert_eq!((answer.version(), answer.ok()["version"].clone()), (2, json!(2)));
    let again = api.put(&path, json!({"amount": 2500})).await;
    assert_eq!((again.ok(), again.position()), (answer.ok(), answer.position()));
    assert_eq!(api.events(&user).await, 2);
    for bound in [0_u64, 1_000_000_000_000_000] {
        assert_eq!(api.put(&path, json!({"amount": bound})).await.ok()["credit"]["limit"], bound);
    }
}

#[tokio::test]
async fn a_limit_has_bounds() {
    let api = Api::shared();
    let user = api.user().await;
    let path = format!("{}/credit-limit", Api::path(&user));
    for wrong in
        [json!(-1), json!(1_000_000_000_000_001_u64), json!(1.5), json!("1"), json!(null), json!([1])]
    {
        let answer = api.put(&path, json!({"amount": wrong})).await;
        assert_eq!(answer.wrong_fields(), ["/amount"], "{wrong}");
    }
    assert_eq!(api.put(&path, json!({})).await.wrong_fields(), ["/amount"]);
    assert_eq!(api.put(&path, json!({"amount": 1, "limit": 1})).await.wrong_fields(), ["/limit"]);
    api.put(&path, json!(null)).await.problem("malformed-request");
    assert_eq!(api.get(&Api::path(&user)).await.ok(), user);
}

#[tokio::test]
async fn a_limit_may_go_below_what_orders_hold() {
    let api = Api::shared();
    let user = api.user().await;
    let held = json!({"order_id": fresh_id(), "amount": 1899, "reserved": 1899});
    let log = Log::of(&api).await;
    let position = log.append(("user", user["id"].as_str().unwrap()), "credit-reserved", 2, &held).await;

    let read = api.get(&Api::path(&user)).await.ok();
    assert_eq!(read["credit"], json!({"limit": 100_000, "reserved": 1899, "available": 98_101}));
    let path = format!("{}/credit-limit", Api::path(&user));
    let answer = api.put(&path, json!({"amount": 1000})).await;
    assert_eq!(answer.ok()["credit"], json!({"limit": 1000, "reserved": 1899, "available": -899}));
    assert_eq!(answer.version(), 3);
    assert!(answer.position() > position);
    let listed = api.get(&format!("/users?email={}", user["email"].as_str().unwrap())).await.ok();
    assert_eq!(listed, json!([answer.ok()]));
}
