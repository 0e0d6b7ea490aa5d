//! An import keeps the order where one line needs another.

use std::fs;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::Shop;
use crate::import::Import;

fn line(method: &str, path: &str, body: &Value) -> String {
    json!({"method": method, "path": path, "body": body}).to_string()
}

/// Each line is accepted when they are carried out in the order of the file.
async fn all_accepted(lines: Vec<String>) {
    let shop = Shop::open();
    let file = shop.program.folder().join("file.ndjson");
    fs::write(&file, lines.join("\n")).unwrap();
    let (code, report) = Import::start(&shop, &file).ended().await;
    assert_eq!((code, &report["accepted"]), (Some(0), &report["sent"]), "{report}");
}

fn id(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128((kind << 64) + u128::from(number))
}

#[tokio::test]
async fn a_draft_is_placed_before_its_user_goes() {
    let lines = (0..40).flat_map(|n| {
        let (user, order) = (id(1, n), id(2, n));
        let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 1}]);
        let draft = json!({"id": order, "user_id": user, "lines": lines, "draft": true});
        [
            line("POST", "/users", &json!({"id": user, "name": "Ann", "email": format!("a@{n}")})),
            line("POST", "/orders", &draft),
            line("PUT", &format!("/orders/{order}"), &json!({"ship_to": "one"})),
            line("PUT", &format!("/orders/{order}"), &json!({"ship_to": "two"})),
            line("POST", &format!("/orders/{order}/place"), &json!({})),
            line("DELETE", &format!("/users/{user}"), &json!({})),
        ]
    });
    all_accepted(lines.collect()).await;
}

#[tokio::test]
async fn an_address_is_given_up_before_another_takes_it() {
    let lines = (0..40).flat_map(|n| {
        let (ann, ben) = (id(1, n), id(2, n));
        let email = format!("a@{n}");
        [
            line("POST", "/users", &json!({"id": ann, "name": "Ann", "email": email})),
            line("PUT", &format!("/users/{ann}"), &json!({"email": format!("b@{n}")})),
            line("POST", "/users", &json!({"id": ben, "name": "Ben", "email": email})),
        ]
    });
    all_accepted(lines.collect()).await;
}

#[tokio::test]
async fn an_address_is_free_once_its_user_is_gone() {
    let lines = (0..40).flat_map(|n| {
        let (ann, ben) = (id(1, n), id(2, n));
        let email = format!("a@{n}");
        [
            line("POST", "/users", &json!({"id": ann, "name": "Ann", "email": email})),
            line("DELETE", &format!("/users/{ann}"), &json!({})),
            line("POST", "/users", &json!({"id": ben, "name": "Ben", "email": email})),
        ]
    });
    all_accepted(lines.collect()).await;
}
