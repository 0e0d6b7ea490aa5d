//! The calls of sagas.

use serde_json::json;
use utoipa::openapi::HttpMethod::Post;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use super::entry::{Entry, JSON, Line};
use super::examples;
use super::shapes::{Field, at_least, of, of_with, sent, shown, some_text, text_of_format, words};
use crate::problem::Kind;
use crate::sagas::{SagaKind, SagaState};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::list(("/sagas", "listSagas", "List the sagas, newest first"), "Saga")
            .says("One that is stuck is in no list but that of `state=stuck`, and in the one of all.")
            .takes(&["saga_name", "saga_state"]),
        one(
            ("/sagas/checkout/{id}", "getCheckout", "See what an order's checkout did, and waits for"),
            "OrderId",
        ),
        retry(("/sagas/checkout/{id}/retry", "retryCheckout", "Have a stuck checkout try again"), "OrderId"),
        abandon(("/sagas/checkout/{id}/abandon", "abandonCheckout", "Give a checkout up"), "OrderId"),
        one(("/sagas/departure/{id}", "getDeparture", "See what a user's departure did"), "UserId"),
        retry(
            ("/sagas/departure/{id}/retry", "retryDeparture", "Have a stuck departure try again"),
            "UserId",
        ),
        abandon(("/sagas/departure/{id}/abandon", "abandonDeparture", "Give a departure up"), "UserId"),
    ]
}

fn one(line: Line, id: &'static str) -> Entry {
    Entry::one(line, "SagaTimeline").of(id)
}

fn retry(line: Line, id: &'static str) -> Entry {
    control(line, id).says("Only one that is stuck does: 409 otherwise, and when it is still stuck.")
}

fn abandon(line: Line, id: &'static str) -> Entry {
    control(line, id)
        .says("It gives back what it holds, and ends. Asked again while it gives back, it no longer waits for that. One \
             that waits for nothing has nothing to give up: 409.")
        .body("Abandonment", vec![("why", "Why", json!({"reason": "the payment service is gone for good"}))])
}

fn control(line: Line, id: &'static str) -> Entry {
    let entry = Entry::get(line).of(id).answers(200, "It is done.", &[], JSON, of("Message"));
    entry.by(Post).refuses(&[Kind::MalformedRequest, Kind::NotFound, Kind::Conflict, Kind::Unavailable])
}

/// What the calls show and take.
pub(super) fn schemas() -> Vec<(&'static str, Schema)> {
    let time = || text_of_format("date-time");
    let waits = || ArrayBuilder::new().items(some_text()).description(Some("Whose answers it waits for."));
    let saga = || -> [Field; 9] {
        [
            ("name", words(SagaKind::ALL.map(SagaKind::as_str)).into()),
            ("id", of_with("Id", "Of the order, or of the user.")),
            ("state", words(SagaState::ALL.map(SagaState::as_str)).into()),
            ("waits_for", waits().into()),
            ("outcome?", some_text().description(Some("What came of it, when it is done.")).into()),
            ("started", time().into()),
            ("changed", time().into()),
            ("version", at_least(0).description(Some("How many events it has.")).into()),
            ("stuck?", of("StuckSaga")),
        ]
    };
    let stuck = [
        ("name", some_text().into()),
        ("id", of("Id")),
        ("position", of_with("Position", "Where what it cannot do lies on the log.")),
        ("reason", some_text().into()),
        ("since", time().into()),
    ];
    let sends = ArrayBuilder::new().items(some_text()).description(Some("What it sent for this, in words."));
    let step = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("One of its events, as `Event`, and what it sent."))
        .property("sends", sends)
        .required("sends");
    let events = ArrayBuilder::new().items(step).description(Some("What it did, oldest first."));
    let [name, id, state, waits_for, outcome, started, changed, version, is_stuck] = saga();
    let timeline =
        [name, id, state, waits_for, outcome, started, changed, version, is_stuck, ("events", events.into())];
    vec![
        ("Saga", shown("A saga.", saga(), [examples::saga()])),
        ("SagaTimeline", shown("A saga, and all that it did.", timeline, [])),
        ("StuckSaga", shown("Why a saga cannot go on.", stuck, [])),
        ("Abandonment", sent("Why.", [("reason", of("Text"))]).build().into()),
    ]
}
