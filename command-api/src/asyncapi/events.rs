//! What is stored: our own events, and what other tools may append.

use domain::schema::{Category, EventSchema};
use serde_json::json;

use super::{Parts, headers, schema};
use crate::stored;

pub(super) fn add(parts: &mut Parts) {
    for category in stored::all() {
        add_category(parts, &category);
    }
    add_participant(parts);
    add_foreign(parts);
}

/// What the last token of a category's subjects is.
pub(super) fn id_of(category: &str) -> &'static str {
    match category {
        "user" | "departure" => "user_id",
        "order" | "checkout" => "order_id",
        "stock" => "sku",
        "email" => "claim_id",
        "guard" => "command_id",
        "append" => "event_id",
        _ => "id",
    }
}

fn add_category(parts: &mut Parts, category: &Category) {
    let Category { name, says, events } = category;
    for EventSchema { event_type, means, when, schema } in events {
        let more = json!({
            "title": event_type,
            "summary": means,
            "description": when,
            "examples": [{"payload": schema["examples"][0]}],
        });
        parts.message(event_type, headers::of_type(event_type), schema.clone(), more);
    }
    let types: Vec<_> = events.iter().map(|event| event.event_type.to_owned()).collect();
    let channel = format!("events-{name}");
    parts.channel(&channel, &format!("events.{name}.{{{}}}", id_of(name)), says, &types);
    let summary = format!("Hear what happens in the category `{name}`");
    parts.operation(&format!("hear-{name}"), "send", &channel, "events", &summary);
}

/// Who else has a say in a checkout: what it is asked is a command, what it answers an event of its own.
fn add_participant(parts: &mut Parts) {
    let answers = [
        ("participant-authorised", "It agrees.", json!({"type": "object"})),
        (
            "participant-declined",
            "It does not; the reason goes into the order's.",
            json!({"type": "object", "properties": {"reason": {"type": "string", "description": "Why, for people."}}}),
        ),
    ];
    let types = answers.map(|(name, means, payload)| {
        let says = format!("Its type is `<{}`.", name.replacen('-', ">-", 1));
        parts.message(
            name,
            schema("ForeignHeaders"),
            payload,
            json!({"summary": means, "description": says}),
        );
        name.to_owned()
    });
    let says = "Where a participant of the checkout appends its answers; they are then on `events.…`.";
    parts.channel("append-participant", "append.{participant}.{order_id}", says, &types);
    let summary = "Answer, as a participant of the checkout";
    parts.operation("answer-checkout", "receive", "append-participant", "events", summary);
}

fn add_foreign(parts: &mut Parts) {
    let more = json!({"summary": "Whatever another tool puts on the log, under a category of its own."});
    parts.message("foreign", schema("ForeignHeaders"), json!({"type": "object"}), more);
    let foreign = ["foreign".to_owned()];
    let says =
        "Where other tools append, in categories of their own. Only writers of the log may publish here.";
    parts.channel("append-foreign", "append.{category}.{id}", says, &foreign);
    parts.operation(
        "append-foreign",
        "receive",
        "append-foreign",
        "events",
        "Append an event of another tool",
    );
    let says = "What other tools have appended, participants of the checkout too.";
    parts.channel("events-foreign", "events.{category}.{id}", says, &foreign);
    parts.operation(
        "hear-foreign",
        "send",
        "events-foreign",
        "events",
        "Hear what other tools have appended",
    );
}
