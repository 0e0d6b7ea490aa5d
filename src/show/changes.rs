//! What changed in a view from one version to the next, field by field.

use std::collections::BTreeSet;
use std::fmt;

use event_model::{Position, Recorded, Version};
use serde::Serialize;
use serde_json::Value;

/// A field that is another after an event; a field of an object within is named with a dot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) position: Position,
    version: Option<Version>,
    field: String,
    /// `null` where it was not there.
    from: Value,
    /// `null` where it is there no more.
    to: Value,
}

/// What an event changed. The version is left out: each event changes it.
pub(crate) fn between(event: &Recorded, before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", before, after, &mut |field, from, to| {
        if field != "version" {
            let (from, to) = (from.clone(), to.clone());
            let Recorded { position, version, .. } = *event;
            changes.push(Change { position, version, field: field.to_owned(), from, to });
        }
    });
    changes
}

fn compare(name: &str, before: &Value, after: &Value, found: &mut impl FnMut(&str, &Value, &Value)) {
    let fields =
        |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<BTreeSet<_>>());
    match (fields(before), fields(after)) {
        (None, None) if before != after => found(name, before, after),
        (None, None) => {}
        (of_before, of_after) => {
            let all = of_before.unwrap_or_default().into_iter().chain(of_after.unwrap_or_default());
            for field in all.collect::<BTreeSet<_>>() {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                let of = |value: &Value| value.get(&field).cloned().unwrap_or_default();
                compare(&name, &of(before), &of(after), found);
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, from, to, .. } = self;
        match (from, to) {
            (Value::Null, to) => write!(f, "{field}: {to}"),
            (from, Value::Null) => write!(f, "{field}: {from} → gone"),
            (from, to) => write!(f, "{field}: {from} → {to}"),
        }
    }
}
