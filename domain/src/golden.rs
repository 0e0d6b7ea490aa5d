//! A JSON file for each shape of each event that was ever stored: what is on a log somewhere must be read for ever.
//!
//! `<type>.v<N>.json` is the whole shape; `<type>.v<N>.no-<field>.json` is the same without an optional field. The
//! highest N of a type is what is written today. A file is never changed: a new shape is a new file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use event_model::{Event, event};
use serde_json::{Value, json};

use crate::{CheckoutEvent, DepartureEvent, EmailClaimEvent, OrderEvent, StockEvent, UserEvent};

/// A shape, as it is stored.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) event_type: String,
    shape: u32,
    pub(crate) data: Value,
}

#[test]
fn every_type_has_its_shapes_and_every_shape_a_type() {
    let mut shapes: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for golden in goldens() {
        shapes.entry(golden.event_type).or_default().insert(golden.shape);
    }
    let types = [
        UserEvent::TYPES,
        EmailClaimEvent::TYPES,
        OrderEvent::TYPES,
        StockEvent::TYPES,
        CheckoutEvent::TYPES,
        DepartureEvent::TYPES,
    ]
    .concat();
    let with_shapes: BTreeSet<&str> = shapes.keys().map(String::as_str).collect();
    assert_eq!(with_shapes, types.into_iter().collect());
    for (event_type, shapes) in shapes {
        assert!((1..).zip(&shapes).all(|(wanted, shape)| wanted == *shape), "{event_type}: {shapes:?}");
    }
}

#[test]
fn every_shape_that_was_ever_stored_is_read() {
    let read = [
        reads::<UserEvent>(),
        reads::<EmailClaimEvent>(),
        reads::<OrderEvent>(),
        reads::<StockEvent>(),
        reads::<CheckoutEvent>(),
        reads::<DepartureEvent>(),
    ];
    assert_eq!(read.iter().sum::<usize>(), goldens().len());
}

/// Reads the shapes of a category, in today's program and with what a later one might add; how many they are.
fn reads<E: Event>() -> usize {
    let mut goldens = goldens();
    goldens.retain(|golden| E::TYPES.contains(&golden.event_type.as_str()));
    for golden in &goldens {
        let Golden { event_type, shape, data } = golden;
        let of = |data: &Value| {
            let read = event::decode::<E>(event_type, data.to_string().as_bytes());
            read.unwrap_or_else(|error| panic!("{event_type}, shape {shape}: {error:?}"))
        };
        let read = of(data);
        assert_eq!(read.event_type(), event_type);
        let written: Value = serde_json::from_slice(&event::encode(&read).unwrap()).unwrap();
        if goldens.iter().any(|other| other.event_type == *event_type && other.shape > *shape) {
            assert_eq!(of(&written), read, "{event_type}, shape {shape}");
        } else {
            assert_eq!(written, *data, "{event_type} is stored in another shape: give it a file of its own");
        }
        assert_eq!(of(&with_more(data.clone())), read, "{event_type}, shape {shape}, with fields added");
    }
    goldens.len()
}

/// With a field more in each object.
fn with_more(data: Value) -> Value {
    match data {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, with_more(value)));
            fields.chain([("added_by_a_later_program".to_owned(), json!([1]))]).collect()
        }
        Value::Array(values) => values.into_iter().map(with_more).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => data,
    }
}

/// All of them.
pub(crate) fn goldens() -> Vec<Golden> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let golden = |file: PathBuf| {
        let data = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let (event_type, rest) = name.split_once(".v").unwrap_or_else(|| panic!("{name} names no shape"));
        let shape =
            rest.split('.').next().unwrap().parse().unwrap_or_else(|_| panic!("{name} names no shape"));
        Golden { event_type: event_type.to_owned(), shape, data }
    };
    files.map(golden).collect()
}
