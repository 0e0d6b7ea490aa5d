//! The document against the program: what it stores, what it takes.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use bytes::Bytes;
use domain::{
    CheckoutEvent, DepartureEvent, EmailClaimEvent, Order, OrderEvent, Stock, StockEvent, User, UserEvent,
};
use event_model::{Decider as _, Event as _};
use serde_json::{Value, json};

use super::commands::COMMANDS;
use super::{document, page};
use crate::body::Body;
use crate::entity::{Entity, Wish};
use crate::problem::Problem;

const ID: &str = "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10";

/// The names of commands in a source: `"place" => …` in what a command wishes.
fn named(source: &str) -> BTreeSet<String> {
    let begin = source.find("fn asked(").unwrap();
    let arms = source[begin..].split("no_such_command(").next().unwrap();
    let named = arms.split('"').skip(1).step_by(2).zip(arms.split('"').skip(2).step_by(2));
    let arm = |(name, after): (&str, &str)| {
        (after.starts_with(" =>") || after.starts_with(" if ")).then(|| name.to_owned())
    };
    named.filter_map(arm).collect()
}

/// What the program makes of a body.
fn asked<D: Entity>(command: &str, body: &Value) -> Result<(), Problem> {
    let id = ID.parse::<D::Id>().unwrap();
    let body = Body::of_message(Bytes::from(body.to_string())).unwrap();
    D::asked(&id, command, &body).map(|_: Wish<D>| ())
}

#[test]
fn every_command_is_described_and_nothing_else() {
    for (category, source) in [
        (User::CATEGORY, include_str!("../users/commands.rs")),
        (Order::CATEGORY, include_str!("../orders/commands.rs")),
        (Stock::CATEGORY, include_str!("../stock/commands.rs")),
    ] {
        let described = COMMANDS.into_iter().filter(|(of, ..)| *of == category);
        assert_eq!(described.map(|(_, name, ..)| name.to_owned()).collect::<BTreeSet<_>>(), named(source));
    }
}

/// A body with every field that its schema has, and nothing else, is taken; without one that is required it is not.
#[test]
fn bodies_of_commands_are_as_they_are_described() {
    let document = document();
    for (category, command, body, _) in COMMANDS {
        let asked = |body: &Value| match category {
            "user" => asked::<User>(command, body),
            "order" => asked::<Order>(command, body),
            _ => asked::<Stock>(command, body),
        };
        let schema = &document["components"]["schemas"][body];
        let schema =
            if body == "Placing" { &document["components"]["schemas"]["NewPlacedOrder"] } else { schema };
        let whole = sample(&document, schema);
        let done = asked(&whole);
        assert!(done.is_ok(), "{category} {command} {whole}: {done:?}");
        for required in schema["required"].as_array().into_iter().flatten() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(required.as_str().unwrap());
            assert!(asked(&without).is_err(), "{category} {command} {without}");
        }
        let mut with_more = whole;
        with_more["more"] = json!(1);
        assert!(asked(&with_more).is_err(), "{category} {command} {with_more}");
    }
}

/// Something of this schema, with all that it may have.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(to) = schema["$ref"].as_str() {
        return match to.rsplit('/').next().unwrap() {
            "Id" => json!(ID),
            "Email" => json!("ann@example.com"),
            "Sku" => json!("tea"),
            "Name" | "Text" => json!("Ann"),
            "OrderStatus" => json!("draft"),
            _ => sample(document, document.pointer(&to[1..]).unwrap()),
        };
    }
    let first = schema["enum"].get(0).or(schema.get("const"));
    match schema["type"].as_str().unwrap() {
        "object" => {
            let fields = schema["properties"].as_object().unwrap().iter();
            fields.map(|(name, field)| (name.clone(), sample(document, field))).collect()
        }
        "array" => json!([sample(document, &schema["items"])]),
        "integer" => schema["minimum"].as_u64().map_or(json!(0), Value::from),
        _ => first.unwrap().clone(),
    }
}

#[test]
fn every_event_is_described_once() {
    let document = document();
    let types = [
        UserEvent::TYPES,
        EmailClaimEvent::TYPES,
        OrderEvent::TYPES,
        StockEvent::TYPES,
        CheckoutEvent::TYPES,
        DepartureEvent::TYPES,
    ]
    .concat();
    let page = page::html();
    for event_type in types {
        assert_eq!(document["components"]["messages"][event_type]["payload"]["title"], event_type);
        assert_eq!(page.matches(&format!("<h3 id='{event_type}'>")).count(), 1, "{event_type}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn follow(document: &Value, value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(to) = object.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(&to[1..]).is_some(), "{to} leads nowhere");
                }
                object.values().for_each(|value| follow(document, value));
            }
            Value::Array(array) => array.iter().for_each(|value| follow(document, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    follow(&document, &document);
}

#[test]
fn the_page_is_whole_and_fetches_nothing() {
    let page = page::html();
    for wanted in
        ["events.order.{order_id}", "ce-entityversion", "unit_price", "By the command <code>register</code>."]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    for unwanted in ["<script", "http:", "https:", "anything", "null", "<&"] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
}

/// Tools and clients are made from the document: a change of it must be seen in review.
#[test]
fn the_document_is_the_golden_file() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/asyncapi.json");
    let document = document();
    if env::var_os("RENEW_GOLDEN").is_some() {
        fs::write(&golden, format!("{document:#}\n")).unwrap();
    }
    let kept = fs::read_to_string(&golden).unwrap_or_default();
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    assert!(
        kept == document,
        "the document differs from {}; if that is meant, run `RENEW_GOLDEN=1 cargo test -p command-api asyncapi` \
         and look at the difference",
        golden.display()
    );
}
