//! What each event looks like, for other tools: a JSON Schema for each type, made from the types that are stored.
//!
//! A schema stands for itself, without references. It lets through what it does not name: fields may be added.

use event_model::{Decider, Event as _};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{Checkout, Departure, EmailClaim, Order, Stock, User};

/// A category, and what may happen in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// The name, a token of subjects.
    pub name: &'static str,
    /// What its events are about, for people.
    pub says: String,
    /// Its events, in the order of the lists of types.
    pub events: Vec<EventSchema>,
}

/// An event type.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSchema {
    /// The wire name.
    pub event_type: &'static str,
    /// What it means, for people.
    pub means: String,
    /// When it is stored, for people.
    pub when: String,
    /// JSON Schema 2020-12 of its data, with `title`, `description`, and one of `examples`.
    pub schema: Value,
}

/// Every category that is stored, with its events.
pub fn categories() -> [Category; 6] {
    [
        category::<User>(),
        category::<EmailClaim>(),
        category::<Order>(),
        category::<Stock>(),
        category::<Checkout>(),
        category::<Departure>(),
    ]
}

/// The JSON Schema of a value, such as [`Name`](crate::Name).
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn category<D: Decider<Event: JsonSchema>>() -> Category {
    let mut all = of::<D::Event>();
    let tagged = all["oneOf"].take();
    let events = D::Event::TYPES.iter().map(|event_type| {
        // As serde tags an enum: an object with one field, of the name of its type.
        let mut tagged = tagged.as_array().into_iter().flatten();
        let found = tagged.find(|tagged| tagged["properties"].get(event_type).is_some());
        event(event_type, found.unwrap_or(&Value::Null))
    });
    let events = events.collect();
    Category { name: D::CATEGORY, says: paragraphs(&all).0, events }
}

fn event(event_type: &'static str, tagged: &Value) -> EventSchema {
    let (means, when) = paragraphs(tagged);
    let mut schema = tagged["properties"][event_type].clone();
    schema["title"] = json!(event_type);
    schema["description"] = json!(format!("{means} {when}"));
    schema["examples"] = json!([example(&schema)]);
    EventSchema { event_type, means, when, schema }
}

/// The first paragraph of a description, and the second; each in one line.
fn paragraphs(described: &Value) -> (String, String) {
    let said = described["description"].as_str().unwrap_or_default();
    let mut paragraphs = said.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    (paragraphs.next().unwrap_or_default(), paragraphs.next().unwrap_or_default())
}

/// Put together from the examples of what it is made of.
fn example(schema: &Value) -> Value {
    let first = |of: &Value| of.get(0).cloned();
    if let Some(example) = first(&schema["examples"]) {
        return example;
    }
    if let Some(word) = first(&schema["oneOf"]) {
        return word["const"].clone();
    }
    if schema["type"] == "array" {
        return json!([example(&schema["items"])]);
    }
    let fields = schema["properties"].as_object().into_iter().flatten();
    Value::Object(fields.map(|(name, field)| (name.clone(), example(field))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use event_model::{Event, event};
    use jsonschema::Validator;

    use super::*;
    use crate::golden::goldens;
    use crate::{CheckoutEvent, DepartureEvent, EmailClaimEvent, OrderEvent, StockEvent, UserEvent};

    fn described() -> Vec<EventSchema> {
        categories().into_iter().flat_map(|category| category.events).collect()
    }

    fn validator(event_type: &str) -> Validator {
        let event = described().into_iter().find(|event| event.event_type == event_type).unwrap();
        jsonschema::draft202012::options().should_validate_formats(true).build(&event.schema).unwrap()
    }

    /// Whether the program reads it.
    fn is_read(event_type: &str, data: &Value) -> bool {
        fn by<E: Event>(event_type: &str, data: &Value) -> Option<bool> {
            let data = data.to_string();
            E::TYPES.contains(&event_type).then(|| event::decode::<E>(event_type, data.as_bytes()).is_ok())
        }
        by::<UserEvent>(event_type, data)
            .or_else(|| by::<EmailClaimEvent>(event_type, data))
            .or_else(|| by::<OrderEvent>(event_type, data))
            .or_else(|| by::<StockEvent>(event_type, data))
            .or_else(|| by::<CheckoutEvent>(event_type, data))
            .or_else(|| by::<DepartureEvent>(event_type, data))
            .unwrap()
    }

    /// The data with each of its values gone, or of another kind; deep inside too.
    fn spoilt(data: &Value) -> Vec<Value> {
        let wrong = [json!({}), json!([]), json!(""), json!(-1), json!(1.5), json!(true), Value::Null];
        let mut spoilt = wrong.to_vec();
        match data {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let mut without = fields.clone();
                    without.remove(name);
                    spoilt.push(Value::Object(without));
                    let with = |value| {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), value);
                        Value::Object(fields)
                    };
                    spoilt.extend(self::spoilt(value).into_iter().map(with));
                }
            }
            Value::Array(values) => {
                spoilt.extend(values.iter().flat_map(self::spoilt).map(|value| json!([value])));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        spoilt
    }

    #[test]
    fn every_type_is_described_in_words_and_by_a_whole_schema() {
        for EventSchema { event_type, means, when, schema } in described() {
            assert!(means.ends_with('.') && when.ends_with('.'), "{event_type}: {means:?} {when:?}");
            assert_eq!(schema["type"], "object", "{event_type}");
            let text = schema.to_string();
            assert!(!text.contains("$ref") && !text.contains("null"), "{event_type}: {text}");
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                assert!(field["description"].is_string(), "{event_type} {name}");
            }
        }
    }

    #[test]
    fn whatever_was_ever_stored_is_as_its_schema_says() {
        for golden in goldens() {
            let validator = validator(&golden.event_type);
            assert!(validator.validate(&golden.data).is_ok(), "{golden:?}");
        }
    }

    #[test]
    fn what_the_program_does_not_read_no_schema_lets_through() {
        for golden in goldens() {
            let validator = validator(&golden.event_type);
            for data in spoilt(&golden.data) {
                let is_read = is_read(&golden.event_type, &data);
                // Read for the sake of those who write `null`; nobody here does.
                let is_lenient = data.to_string().contains("null");
                assert!(
                    validator.is_valid(&data) == is_read || (is_read && is_lenient),
                    "{} {data}: it is read: {is_read}",
                    golden.event_type
                );
            }
        }
    }

    #[test]
    fn every_example_is_read_and_is_as_its_schema_says() {
        for EventSchema { event_type, schema, .. } in described() {
            let example = &schema["examples"][0];
            assert!(is_read(event_type, example) && validator(event_type).is_valid(example), "{example}");
        }
    }
}
