//! The calls of orders.

use serde_json::json;
use utoipa::openapi::HttpMethod::{Delete, Post, Put};

use super::entry::{Entry, Line};
use super::examples::{ORDER_ID, USER_ID, lines};
use crate::problem::Kind;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::make(("/orders", "createOrder", "Place an order, or begin a draft"), "Order")
            .says(
                "The checkout then confirms or rejects what is placed: `GET /orders/{id}` with `Prefer: wait=10` \
                 waits for that.",
            )
            .body("NewOrder", vec![
                ("a-placed-one", "Placed at once", json!({
                    "user_id": USER_ID, "lines": lines(), "ship_to": "1 Harbour Street, Port Town",
                })),
                ("draft", "A draft with an id of your own", json!({
                    "user_id": USER_ID, "draft": true, "id": ORDER_ID,
                })),
            ])
            .refuses(&[Kind::UnknownUser]),
        Entry::list(("/orders", "listOrders", "List orders, newest first"), "Order").takes(&["user_id", "status"]),
        Entry::one(("/orders/{id}", "getOrder", "Read an order, or wait for its outcome"), "Order")
            .of("OrderId")
            .takes(&["PreferSettled"])
            .or_as_it_was(),
        Entry::act(Put, ("/orders/{id}", "changeOrder", "Change an order's lines or where it goes"), "Order")
            .says("The lines while it is a draft; `ship_to` until it is shipped.")
            .of("OrderId")
            .body("OrderChange", vec![
                ("lines", "Other lines", json!({"lines": lines()})),
                ("ship_to", "Another address, if nobody else changed the order", json!({
                    "ship_to": "2 Mill Lane, Port Town", "version": 2,
                })),
            ])
            .refuses(&[Kind::NotFound, Kind::OrderState]),
        step(("/orders/{id}/place", "placeOrder", "Place a draft"))
            .says("On an order that is placed or confirmed it changes nothing.")
            .refuses(&[Kind::UnknownUser]),
        step(("/orders/{id}/ship", "shipOrder", "Ship a confirmed order")),
        step(("/orders/{id}/complete", "completeOrder", "Complete a shipped order")),
        step(("/orders/{id}/cancel", "cancelOrder", "Cancel an order that is not shipped"))
            .body_if_any("Cancellation", vec![("reason", "With a reason", json!({"reason": "found it cheaper"}))]),
        Entry::act(Delete, ("/orders/{id}", "deleteOrder", "Cancel an order that is not shipped"), "Message")
            .says("The order stays readable.")
            .of("OrderId")
            .refuses(&[Kind::NotFound, Kind::OrderState]),
        Entry::events(("/orders/{id}/events", "listOrderEvents", "Read what happened to an order"))
            .of("OrderId"),
    ]
}

/// A step of an order, which is there.
fn step(line: Line) -> Entry {
    Entry::act(Post, line, "Order").of("OrderId").refuses(&[Kind::NotFound, Kind::OrderState])
}
