//! One JSON file for each event type, as it is stored: what is on a log somewhere must be read for ever.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use event_model::{Event, event};
use serde_json::Value;

use crate::{EmailClaimEvent, OrderEvent, StockEvent, UserEvent};

#[test]
fn every_event_type_reads_and_writes_its_golden_file() {
    reads_and_writes::<UserEvent>();
    reads_and_writes::<EmailClaimEvent>();
    reads_and_writes::<OrderEvent>();
    reads_and_writes::<StockEvent>();
}

#[test]
fn every_golden_file_is_of_a_type_that_is_still_known() {
    let types: BTreeSet<String> =
        [UserEvent::TYPES, EmailClaimEvent::TYPES, OrderEvent::TYPES, StockEvent::TYPES]
            .concat()
            .into_iter()
            .map(|event_type| format!("{event_type}.json"))
            .collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, types);
}

fn reads_and_writes<E: Event>() {
    for event_type in E::TYPES {
        let file = folder().join(format!("{event_type}.json"));
        let golden = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read: E = event::decode(event_type, &golden).unwrap();
        assert_eq!(read.event_type(), *event_type);
        let written: Value = serde_json::from_slice(&event::encode(&read).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_slice::<Value>(&golden).unwrap(), "{event_type}");
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}
