//! The calls of users.

use serde_json::json;
use utoipa::openapi::HttpMethod::{Delete, Put};

use super::entry::Entry;
use super::examples::USER_ID;
use crate::problem::Kind;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::make(("/users", "registerUser", "Register a user"), "User")
            .body("NewUser", vec![
                ("plain", "What must be there", json!({"name": "Ann Lee", "email": "ann@example.com"})),
                ("with-all", "With a limit and an id of your own", json!({
                    "name": "Ann Lee", "email": "ann@example.com", "credit_limit": 250_000, "id": USER_ID,
                })),
            ])
            .refuses(&[Kind::EmailTaken]),
        Entry::list(("/users", "listUsers", "List users, by id"), "User").takes(&["email"]),
        Entry::one(("/users/{id}", "getUser", "Read a user"), "User").of("UserId").or_as_it_was(),
        Entry::act(Put, ("/users/{id}", "changeUser", "Change a user's name or address"), "User")
            .of("UserId")
            .body("UserChange", vec![
                ("address", "Another address, if nobody else changed the user", json!({
                    "email": "lee@example.com", "version": 2,
                })),
                ("name", "Another name", json!({"name": "Ann Lee-Park"})),
            ])
            .refuses(&[Kind::NotFound, Kind::EmailTaken]),
        Entry::act(Put, ("/users/{id}/credit-limit", "changeCreditLimit", "Change a user's credit limit"), "User")
            .says("A limit below what is reserved is allowed: what is available is negative then.")
            .of("UserId")
            .body("CreditLimit", vec![("limit", "Another limit", json!({"amount": 250_000}))])
            .refuses(&[Kind::NotFound]),
        Entry::act(Delete, ("/users/{id}", "deleteUser", "Delete a user"), "Message")
            .says("The address is free again, the id never. The events stay readable.")
            .of("UserId")
            .refuses(&[Kind::NotFound]),
        Entry::events(("/users/{id}/events", "listUserEvents", "Read what happened to a user"))
            .says("Also for a user that is deleted.")
            .of("UserId"),
    ]
}
