//! What may be asked for: each command on its queue, and as a request that is answered; what is refused.

use serde_json::{Value, json};

use super::events::id_of;
use super::{Parts, schema};

/// A command: its category, its name, the schema of its body, what it does.
pub(super) type Line = (&'static str, &'static str, &'static str, &'static str);

/// Every command.
pub(super) const COMMANDS: [Line; 19] = [
    ("user", "register", "NewUser", "Register a user"),
    ("user", "change-profile", "UserChange", "Change a user's name or address"),
    ("user", "change-credit-limit", "CreditLimit", "Change a user's credit limit"),
    ("user", "delete", "Nothing", "Delete a user"),
    ("user", "reserve-credit", "CreditReservation", "Set the credit that an order holds to an amount"),
    ("user", "release-credit", "OfOrder", "Give back the credit that an order holds"),
    ("user", "capture-credit", "OfOrder", "Use up the credit that an order holds"),
    ("order", "draft", "Draft", "Begin a draft"),
    ("order", "place", "Placing", "Place an order, or a draft that is there"),
    ("order", "change", "OrderChange", "Change an order's lines or where it goes"),
    ("order", "confirm", "Nothing", "Confirm a placed order"),
    ("order", "reject", "Reason", "Reject a placed order"),
    ("order", "ship", "Nothing", "Ship a confirmed order"),
    ("order", "complete", "Nothing", "Complete a shipped order"),
    ("order", "cancel", "Cancellation", "Cancel an order that is not shipped"),
    ("stock", "receive", "Receipt", "Take in an article"),
    ("stock", "reserve", "StockReservation", "Set how many an order holds"),
    ("stock", "release", "OfOrder", "Give back what an order holds"),
    ("stock", "ship", "OfOrder", "Send away what an order holds"),
];

/// What participants of the checkout are asked.
const ASKED: [(&str, &str, &str); 2] = [
    ("authorise", "Authorisation", "Ask a participant to agree to an order"),
    ("void", "OfOrder", "Tell a participant that nothing comes of an order"),
];

pub(super) fn add(parts: &mut Parts) {
    parts.schemas.extend(bodies().map(|(name, schema)| (name.to_owned(), schema)));
    add_answers(parts);
    for command in COMMANDS {
        add_command(parts, command);
    }
    for (command, body, does) in ASKED {
        let name = format!("commands-participant-{command}");
        parts.message(&name, schema("CommandHeaders"), schema(body), json!({"summary": does}));
        let address = format!("commands.{{participant}}.{{order_id}}.{command}");
        let says = "Stream `COMMANDS`, a work queue: a participant makes a durable consumer of its own.";
        parts.channel(&name, &address, says, std::slice::from_ref(&name));
        parts.operation(&name, "send", &name, "commands", does);
    }
}

fn add_command(parts: &mut Parts, (category, command, body, does): Line) {
    let id = id_of(category);
    for (door, headers, says) in [
        (
            "commands",
            "CommandHeaders",
            "Stream `COMMANDS`, a durable queue: it is carried out once a node takes it.",
        ),
        (
            "requests",
            "RequestHeaders",
            "The NATS service `jetsource`: it is answered once it is carried out.",
        ),
    ] {
        let name = format!("{door}-{category}-{command}");
        parts.message(&name, schema(headers), schema(body), json!({"title": command, "summary": does}));
        let address = format!("{door}.{category}.{{{id}}}.{command}");
        parts.channel(&name, &address, says, std::slice::from_ref(&name));
        parts.operation(&name, "receive", &name, "commands", does);
        if door == "requests" {
            let answers = ["done", "refused"].map(|name| super::reference("channels/answers/messages", name));
            parts.operations[&name]["reply"] =
                json!({"channel": super::reference("channels", "answers"), "messages": answers});
        }
    }
}

fn add_answers(parts: &mut Parts) {
    let carried = json!({
        "type": "object",
        "required": ["version", "position"],
        "properties": {"version": schema("Version"), "position": schema("Position")},
        "examples": [{"version": 2, "position": 42}],
    });
    let more = |says: &str| json!({"summary": says});
    parts.message(
        "done",
        json!({"type": "object"}),
        carried,
        more("It is carried out: where the entity stands."),
    );
    let error = json!({
        "type": "object",
        "required": ["Nats-Service-Error-Code"],
        "properties": {
            "Nats-Service-Error-Code": {"type": "string", "description": "The problem's status."},
            "Nats-Service-Error": {"type": "string", "description": "The problem's title."},
        },
    });
    parts.message("refused", error, schema("Problem"), more("It is not: the problem."));
    let says = "Where the asking side waits for its answer: the subject that NATS names in the request.";
    parts.channel("answers", "", says, &["done".to_owned(), "refused".to_owned()]);
    let refusal = json!({
        "allOf": [schema("Problem")],
        "type": "object",
        "properties": {
            "command": {"description": "The command as it was sent; a string where it was no JSON. Left out where it is too large."},
        },
    });
    let more = more("A command that was refused, with the problem. It is not delivered again.");
    parts.message("rejected", schema("RefusalHeaders"), refusal, more);
    let says = "Stream `REJECTED`: the newest 100,000 of the last thirty days.";
    parts.channel("rejected", "rejected.{category}.{id}.{command}", says, &["rejected".to_owned()]);
    parts.operation("hear-rejected", "send", "rejected", "commands", "Hear which commands were refused");
}

/// Bodies that no call over HTTP has.
fn bodies() -> [(&'static str, Value); 8] {
    let id = || schema("Id");
    [
        ("Nothing", of("Nothing: an empty object, or no body at all.", &[], json!({}))),
        ("OfOrder", of("Which order.", &["order_id"], json!({"order_id": id()}))),
        (
            "CreditReservation",
            of(
                "How much, for which order.",
                &["order_id", "amount"],
                json!({
                    "order_id": id(), "amount": schema("Amount"),
                }),
            ),
        ),
        (
            "StockReservation",
            of(
                "How many, for which order.",
                &["order_id", "quantity"],
                json!({
                    "order_id": id(), "quantity": schema("Units"),
                }),
            ),
        ),
        ("Reason", of("Why, for people.", &["reason"], json!({"reason": schema("Text")}))),
        (
            "Authorisation",
            of(
                "How much, of which user, for which order.",
                &["order_id", "user_id", "amount"],
                json!({
                    "order_id": id(), "user_id": id(), "amount": schema("Amount"),
                }),
            ),
        ),
        (
            "Draft",
            of(
                "A draft, which may have no lines yet.",
                &["user_id"],
                json!({
                    "user_id": id(), "lines": schema("Lines"), "ship_to": schema("Text"),
                    "draft": {"type": "boolean", "const": true},
                    "id": id(),
                }),
            ),
        ),
        (
            "Placing",
            json!({
                "description": "The order; of a draft that is there, nothing.",
                "anyOf": [schema("NewPlacedOrder"), schema("Nothing")],
            }),
        ),
    ]
}

fn of(says: &str, required: &[&str], fields: Value) -> Value {
    let mut body = json!({"type": "object", "description": says, "required": required});
    body["properties"] = fields;
    body["additionalProperties"] = json!(false);
    body
}
