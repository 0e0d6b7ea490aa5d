//! Every event that is stored, as other tools see it: those of the shop, and those that the store keeps for itself.

use domain::schema::{Category, EventSchema, categories};
use serde_json::{Value, json};

/// Every category that is stored, with its events.
pub(crate) fn all() -> Vec<Category> {
    categories().into_iter().chain([guard(), append()]).collect()
}

/// What an append relied on, where no event of its own had room to say so.
fn guard() -> Category {
    let event = event(
        "relied-on",
        "An append relied on this entity as it was, and did not change it.",
        "With the append of a command, such as that of an order that relies on its user.",
        &json!({
            "entity": {"type": "string", "description": "Which: `<category>/<id>`."},
            "version": {"type": "integer", "minimum": 0, "description": "The version that it had."},
        }),
        &json!({"entity": "user/0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10", "version": 1}),
    );
    Category {
        name: "guard",
        says: "What appends relied on; the store's own.".to_owned(),
        events: vec![event],
    }
}

/// What became of an append of which a power cut left the beginning.
fn append() -> Category {
    let event = event(
        "append-cut",
        "Of the append with this first event the rest will never come.",
        "At a start after a power cut, where the append could not be completed.",
        &json!({
            "position": {"type": "integer", "minimum": 1, "description": "Where its first event lies on the log."},
            "stored": {"type": "integer", "minimum": 1, "description": "How many of its events are stored."},
            "of": {"type": "integer", "minimum": 2, "description": "How many it was to have."},
            "reason": {"type": "string", "description": "Why it could not be completed, for people."},
        }),
        &json!({"position": 42, "stored": 1, "of": 2, "reason": "an entity has changed since"}),
    );
    let says = "What became of appends that were cut; the store's own.".to_owned();
    Category { name: "append", says, events: vec![event] }
}

fn event(event_type: &'static str, means: &str, when: &str, fields: &Value, example: &Value) -> EventSchema {
    let names: Vec<_> = fields.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let schema = json!({
        "title": event_type, "description": format!("{means} {when}"), "type": "object",
        "required": names, "properties": fields, "examples": [example],
    });
    EventSchema { event_type, means: means.to_owned(), when: when.to_owned(), schema }
}
