//! A JSON file for the state of each decider, as snapshots hold it: histories, and what they fold to.
//!
//! A state that is written otherwise, or folded otherwise, fails here until it gets a new `STATE_FORMAT` and with it a
//! new file. The file of an older format can go: nobody reads such a snapshot.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use event_model::{Decider, Event};
use serde::Deserialize;
use serde_json::Value;

use crate::{Checkout, Departure, EmailClaim, Order, Stock, User};

/// A history as it is stored, and the state after it.
#[derive(Debug, Deserialize)]
#[serde(bound = "")]
struct Case<D: Decider> {
    history: Vec<D::Event>,
    state: Value,
}

#[test]
fn a_state_is_kept_and_folded_as_its_format_says() {
    is_as_its_format_says::<User>();
    is_as_its_format_says::<EmailClaim>();
    is_as_its_format_says::<Order>();
    is_as_its_format_says::<Stock>();
    is_as_its_format_says::<Checkout>();
    is_as_its_format_says::<Departure>();
}

fn is_as_its_format_says<D: Decider + PartialEq>() {
    let name = format!("{}.v{}.json", D::CATEGORY, D::STATE_FORMAT);
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/states").join(&name);
    let text = fs::read(file).unwrap_or_else(|error| panic!("tests/states/{name}: {error}"));
    let cases: Vec<Case<D>> = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut types = BTreeSet::new();
    for Case { history, state } in cases {
        types.extend(history.iter().map(Event::event_type));
        let folded = D::fold(history);
        let now = serde_json::to_value(&folded).unwrap();
        assert_eq!(now, state, "{name}: a new shape, or a new meaning, needs a new STATE_FORMAT and a file");
        assert_eq!(serde_json::from_value::<D>(state).unwrap(), folded, "{name}");
    }
    assert_eq!(types, D::Event::TYPES.iter().copied().collect(), "{name} has not all types of events");
}
