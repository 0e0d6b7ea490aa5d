//! What messages carry beside their bodies.

use serde_json::{Value, json};

use super::Parts;

/// The headers of a message of this type.
pub(super) fn of_type(event_type: &str) -> Value {
    json!({
        "allOf": [super::schema("EventHeaders")],
        "type": "object",
        "properties": {"ce-type": {"type": "string", "const": event_type}},
    })
}

pub(super) fn add(parts: &mut Parts) {
    let schemas = [
        ("EventHeaders", event()),
        ("ForeignHeaders", foreign()),
        ("CommandHeaders", command(&["Nats-Msg-Id"])),
        ("RequestHeaders", command(&[])),
        ("RefusalHeaders", refusal()),
    ];
    parts.schemas.extend(schemas.map(|(name, schema)| (name.to_owned(), schema)));
}

/// Those of an event on the log.
pub(super) fn event() -> Value {
    headers(
        "Of an event on the log: CloudEvents 1.0 in binary mode.",
        &["Nats-Msg-Id", "ce-id", "ce-specversion", "ce-source", "ce-type", "ce-subject", "ce-time"],
        json!({
            "Nats-Msg-Id": id("The event's id: the same where a command is repeated."),
            "ce-id": id("The event's id."),
            "ce-specversion": {"type": "string", "const": "1.0"},
            "ce-source": {"type": "string", "const": "/jetsource"},
            "ce-type": text("The event type."),
            "ce-subject": text("What it is about, not encoded: `<category>/<id>`."),
            "ce-time": {"type": "string", "format": "date-time", "description": "When, in UTC."},
            "ce-datacontenttype": {"type": "string", "const": super::JSON},
            "ce-entityversion": number("The entity's version after it: from 1, without gaps."),
            "ce-causationid": id("The command or event that caused it."),
            "ce-correlationid": id("The first cause of the chain."),
            "ce-part": {
                "type": "string", "pattern": "^[1-9][0-9]*/[1-9][0-9]*$",
                "description": "Its place among the events of one append, such as `1/2`, where there are several.",
            },
            "ce-actor": text("The name of the caller's token, where there is one."),
            "traceparent": text("W3C Trace Context, where the caller sent one."),
            "Jetsource-Rest": text("Of the first of several: the rest of the append, should a power cut take it."),
            "Nats-Sequence": number("Its position on the log, on a plain subscription; a consumer has it anyway."),
        }),
    )
}

fn foreign() -> Value {
    headers(
        "Of an event of another tool. Other headers are kept.",
        &["ce-id", "ce-type"],
        json!({
            "ce-id": text("The event's id."),
            "ce-type": text("The event type."),
            "Nats-Msg-Id": text("Within the broker's duplicate window one is stored once."),
            "Nats-Expected-Last-Subject-Sequence": number("Append only if nobody was faster; checked by the broker."),
        }),
    )
}

fn command(required: &[&str]) -> Value {
    headers(
        "Of a command.",
        required,
        json!({
            "Nats-Msg-Id": {
                "type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$",
                "description": "The command's id: under one id a command is carried out once.",
            },
            "ce-causationid": id("What caused it; itself where left out."),
            "ce-correlationid": id("The first cause of the chain; what caused it where left out."),
            "traceparent": text("W3C Trace Context."),
        }),
    )
}

fn refusal() -> Value {
    headers(
        "Of a command that was refused: those of its sender.",
        &[],
        json!({
            "Nats-Msg-Id": text("The command's id."),
        }),
    )
}

fn headers(says: &str, required: &[&str], each: Value) -> Value {
    let mut headers = json!({"type": "object", "description": says});
    headers["properties"] = each;
    if !required.is_empty() {
        headers["required"] = json!(required);
    }
    headers
}

fn id(says: &str) -> Value {
    json!({"type": "string", "format": "uuid", "description": says})
}

fn text(says: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": says})
}

fn number(says: &str) -> Value {
    json!({"type": "string", "pattern": "^[0-9]+$", "description": says})
}
