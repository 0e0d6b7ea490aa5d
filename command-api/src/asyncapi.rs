//! The AsyncAPI 3.0 document: what is heard and what may be said over NATS, for other tools.
//!
//! Events come from the types that are stored, bodies of commands from the OpenAPI document where HTTP has the same, so that
//! none of them can differ from what the program stores and takes.
//!
//! - `events`: what is stored, and what other tools may store
//! - `commands`: what may be asked for, on the queue and as a request, and what becomes of what is refused
//! - `headers`: what messages carry beside their bodies
//! - `page`: the events, for people

mod commands;
mod events;
mod headers;
pub(crate) mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::openapi;

const ABOUT: &str = "\
Users and orders, event-sourced on NATS JetStream: what is heard and what may be said over NATS.

- **The log.** Stream `EVENTS` keeps every event on `events.<category>.<id>`, one literal subject per entity, and what \
is stored, and only that, is heard there. A plain subscription is live and misses what happens while it is away; a \
JetStream consumer on `EVENTS` misses nothing.
- **Ids in subjects.** Each byte outside `A-Z a-z 0-9 _ -` is written `=XX`, in upper-case hex: the article `A.1` is \
`A=2E1`.
- **Commands.** `commands.…` is a durable queue, `requests.…` is answered. Under one `Nats-Msg-Id` a command is carried \
out once.
- **What may be added.** Events may gain fields, categories may gain types. A field is never renamed or removed.

`send` and `receive` are the server's: what it sends you hear, what it receives you say.";

const JSON: &str = "application/json";

/// The document, while it is put together.
#[derive(Debug, Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// The document.
pub fn document() -> Value {
    let mut parts = Parts { schemas: openapi::schemas(), ..Parts::default() };
    events::add(&mut parts);
    commands::add(&mut parts);
    headers::add(&mut parts);
    let Parts { channels, operations, messages, mut schemas } = parts;
    let used = used(&json!([channels, messages]), &schemas);
    schemas.retain(|name, _| used.contains(name));
    let license = env!("CARGO_PKG_LICENSE");
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jetsource",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": license, "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "events"}, {"name": "commands"}],
        },
        "defaultContentType": JSON,
        "servers": {
            "nats": {
                "host": "{address}",
                "protocol": "nats",
                "description": "The broker, with JetStream. `serve` prints its address.",
                "variables": {"address": {"default": "127.0.0.1:4222", "description": "Host and port."}},
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

impl Parts {
    /// A subject, and what goes over it.
    fn channel(&mut self, name: &str, address: &str, says: &str, messages: &[String]) {
        let named = messages.iter().map(|name| (name.clone(), reference("components/messages", name)));
        let mut channel = json!({
            "description": says,
            "messages": named.collect::<Map<_, _>>(),
            // No answer has a subject of its own: the asking side names one.
            "address": (!address.is_empty()).then_some(address),
        });
        let parameters = address.split(['{', '}']).skip(1).step_by(2);
        let parameters: Map<_, _> = parameters.map(|name| (name.to_owned(), parameter(name))).collect();
        if !parameters.is_empty() {
            channel["parameters"] = Value::Object(parameters);
        }
        self.channels.insert(name.to_owned(), channel);
    }

    /// What the server does with a channel: `send`, or `receive`.
    fn operation(&mut self, name: &str, action: &str, channel: &str, tag: &str, summary: &str) {
        let operation = json!({
            "action": action,
            "channel": reference("channels", channel),
            "summary": summary,
            "tags": [{"name": tag}],
        });
        self.operations.insert(name.to_owned(), operation);
    }

    fn message(&mut self, name: &str, headers: Value, payload: Value, more: Value) {
        let mut message = json!({"name": name});
        (message["headers"], message["payload"]) = (headers, payload);
        if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
            message.extend(more);
        }
        self.messages.insert(name.to_owned(), message);
    }
}

/// What a part of a subject names.
fn parameter(name: &str) -> Value {
    let (says, example) = match name {
        "user_id" => ("Which user.", "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10"),
        "order_id" => ("Which order.", "0190b5c6-8a10-7f42-9d3b-5e2f7c1a0b64"),
        "sku" => ("Which article, encoded.", "tea-green-100g"),
        "claim_id" => (
            "HMAC-SHA-256 of the trimmed, lower-cased address, under a key of the deployment.",
            "61b55fab9c26d32d104ec34ed67a68f9042c022638ba102c71aeabc6b760fe1d",
        ),
        "command_id" => ("Which command.", "0190b5c7-0c5e-7b1d-a3f2-64d8e9b01c37"),
        "event_id" => ("The first event of the append.", "6f1c2a34-90b7-5d21-8e4f-3b7a9c0d1e52"),
        "participant" => ("A category of its own, which the server was told.", "payment"),
        "category" => ("Which category.", "order"),
        "command" => ("Which command.", "place"),
        _ => ("Which entity, encoded.", "0190b5c6-8a10-7f42-9d3b-5e2f7c1a0b64"),
    };
    json!({"description": says, "examples": [example]})
}

fn reference(place: &str, name: &str) -> Value {
    json!({"$ref": format!("#/{place}/{name}")})
}

fn schema(name: &str) -> Value {
    reference("components/schemas", name)
}

/// The names of the schemas that are needed, by way of others too.
fn used(by: &Value, schemas: &Map<String, Value>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut to_see = vec![by];
    while let Some(value) = to_see.pop() {
        match value {
            Value::Object(object) => {
                let name = object.get("$ref").and_then(Value::as_str);
                let name = name.and_then(|to| to.strip_prefix("#/components/schemas/"));
                if let Some(name) = name.filter(|name| used.insert((*name).to_owned())) {
                    to_see.extend(schemas.get(name));
                }
                to_see.extend(object.values());
            }
            Value::Array(values) => to_see.extend(values),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    used
}
