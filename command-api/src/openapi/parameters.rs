//! Parameters: in paths, in queries, in headers of requests.

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

use domain::CustomerStatus;

use super::events;
use super::examples::{ORDER_ID, SKU, USER_ID};
use super::shapes::{TAG, VISIBLE, at_least, flag, of, some_text, text, text_of_format, whole, words};
use crate::problem::Kind;
use crate::reports::By;
use crate::sagas::{SagaKind, SagaState};

/// The most rows that a page may have.
pub(super) const LARGEST_PAGE: usize = 200;
/// How many rows a page has when nobody says.
pub(super) const PAGE: usize = 50;
/// A key, bare or quoted.
const KEY: &str = r#"^([\x21-\x7e]{1,255}|"[\x21-\x7e]{1,255}")$"#;

/// Where a parameter is.
pub(super) fn at(name: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{name}"))
}

/// Every parameter, by the name of its component, which is its own where no two share that.
pub(super) fn all() -> Vec<(&'static str, Parameter)> {
    in_path().into_iter().chain(in_query()).chain(in_header()).chain(events::parameters()).collect()
}

fn in_path() -> Vec<(&'static str, Parameter)> {
    let slug = words(Kind::ALL.map(Kind::slug));
    vec![
        ("UserId", path("id", "Which user.", of("Id"), json!(USER_ID))),
        ("OrderId", path("id", "Which order.", of("Id"), json!(ORDER_ID))),
        ("sku", path("sku", "Which article.", of("Sku"), json!(SKU))),
        ("slug", path("slug", "The last part of a problem's `type`.", slug, json!(Kind::NotFound.slug()))),
        ("file", path("file", "A part of the page.", some_text(), json!("swagger-ui.css"))),
    ]
}

fn in_query() -> Vec<(&'static str, Parameter)> {
    let limit = whole(1, LARGEST_PAGE as u64).default(Some(json!(PAGE)));
    let at = "As it was at this time, RFC 3339: after its last event that was not taken in later.";
    let day = || text_of_format("date");
    let after = "Where the page begins: opaque, from `Link` of the page before.";
    vec![
        ("limit", query("limit", "How many items a page has.", limit)),
        ("after", query("after", after, some_text())),
        ("email", query("email", "Only the user with this address, compared without case.", of("Email"))),
        ("user_id", query("user_id", "Only the orders of this user.", of("Id"))),
        (
            "saga_name",
            query("name", "Only the sagas of this kind.", words(SagaKind::ALL.map(SagaKind::as_str))),
        ),
        (
            "saga_state",
            query("state", "Only the sagas in this state.", words(SagaState::ALL.map(SagaState::as_str))),
        ),
        ("as_of_version", query("version", "As it was at this version.", at_least(1))),
        ("as_of_time", query("at", at, text_of_format("date-time"))),
        ("activity_user", query("user_id", "Only what concerns this user.", of("Id"))),
        ("activity_category", query("category", "Only what is about one of these.", some_text())),
        (
            "customer_status",
            query(
                "status",
                "Only those of this status.",
                words(CustomerStatus::ALL.map(CustomerStatus::as_str)),
            ),
        ),
        ("open", query("open", "Only those with open orders, or only those without.", flag())),
        (
            "by",
            query("by", "By what sales are summed; by day when nobody says.", words(By::ALL.map(By::as_str))),
        ),
        ("from_day", query("from", "From this day on (UTC).", day())),
        ("to_day", query("to", "Up to this day (UTC), with all of it.", day())),
        ("status", query("status", "Only the orders of this status.", of("OrderStatus"))),
    ]
}

fn in_header() -> Vec<(&'static str, Parameter)> {
    let position = "From the answer to a command: the list waits until it shows that command, at most as long as \
                    `Prefer: wait` says (5 seconds when it says nothing), else answers 503 `projection-behind`. \
                    Without it the list waits up to 1 second for what this server acknowledged, then answers anyway.";
    let fresh = "`wait=S`: how many seconds the list may wait, at most 30 (RFC 7240); `wait=0` for none.";
    let settled = "`wait=S`: answer once the order is no longer `placed`, at the latest after S seconds, at most 30 \
                   (RFC 7240).";
    let key = "Makes the command safe to repeat: the same key with the same method, path and body has the same \
               answer, with `Idempotency-Replayed: true`, and is done once. Visible ASCII, quoted or bare; one for \
               the whole deployment.";
    let version = "Do it only while it is at this version, an `ETag`, else answer 412 `version-mismatch`; what is \
                   still to be made has none. One strong tag.";
    let request = "An id of your own for this request, sent back and logged; the server makes one for a request without.";
    vec![
        ("Idempotency-Key", header("Idempotency-Key", key, text(1, 257).pattern(Some(KEY)))),
        ("If-Match", header("If-Match", version, text(3, 22).pattern(Some(TAG)))),
        ("Jetsource-Position", header("Jetsource-Position", position, of("Position"))),
        ("PreferFresh", header("Prefer", fresh, some_text())),
        ("PreferSettled", header("Prefer", settled, some_text())),
        ("X-Request-Id", header("X-Request-Id", request, text(1, 128).pattern(Some(VISIBLE)))),
    ]
}

fn path(name: &str, says: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> Parameter {
    parameter(name, says, schema)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .example(Some(example))
        .build()
}

// No examples below: a page that fills forms in with them would send them.

pub(super) fn query(name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, says, schema).parameter_in(ParameterIn::Query).required(Required::False).build()
}

pub(super) fn header(name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, says, schema).parameter_in(ParameterIn::Header).required(Required::False).build()
}

fn parameter(name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).description(Some(says)).schema(Some(schema))
}
