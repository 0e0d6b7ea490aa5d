//! Guards: entities that an append relies on and does not write to.
//!
//! The broker is told of each on a message that has no expectation of its own: a message carries one at most. Where
//! an append has too few of those, events are added that carry the rest, on an entity of the command's own.

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use event_model::{EntityName, Metadata, Version, event_id};
use serde_json::json;

use super::{Stand, Write};
use crate::envelope::Draft;
use crate::error::StoreError;
use crate::subjects;

/// The header by which an expectation is about another subject than the message's own.
pub(crate) const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// The category of the events that only carry guards.
const CATEGORY: &str = "guard";

/// The entities that are relied on, each once and without those that are written to: the broker looks at them anyway.
pub(super) fn of(writes: &[Write]) -> Result<Vec<&Write>, StoreError> {
    let mut seen: BTreeMap<&EntityName, Stand> = BTreeMap::new();
    let (guards, written): (Vec<_>, Vec<_>) = writes.iter().partition(|write| write.is_guard());
    seen.extend(written.iter().map(|write| (&write.entity, write.stand)));
    let mut relied_on = Vec::new();
    for guard in guards {
        match seen.insert(&guard.entity, guard.stand) {
            None => relied_on.push(guard),
            Some(stand) if stand == guard.stand => {}
            // It was read twice, and had changed in between.
            Some(_) => return Err(StoreError::Conflict { entity: guard.entity.clone() }),
        }
    }
    Ok(relied_on)
}

/// The events that carry those guards for which the others have no room.
pub(super) fn carrier(writes: &[Write], guards: &[&Write], metadata: &Metadata) -> Option<Write> {
    let room: usize = writes.iter().map(|write| write.drafts.len().saturating_sub(1)).sum();
    let carried = guards.get(room..).filter(|carried| !carried.is_empty())?;
    let entity = EntityName::new(CATEGORY, metadata.command_id);
    let mut version = Version::START;
    let drafts = carried.iter().enumerate().map(|(index, guard)| {
        version = version.next();
        let data = json!({"entity": guard.entity.to_string(), "version": guard.stand.version});
        let id = event_id(metadata.command_id, &entity, index);
        Draft { id, event_type: "relied-on", version, data: data.to_string().into() }
    });
    let drafts = drafts.collect();
    Some(Write { entity, stand: Stand::default(), drafts })
}

/// Has a message carry a guard.
pub(super) fn carry(headers: &mut HeaderMap, guard: &Write) {
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, guard.stand.last.to_string());
    headers.insert(EXPECTED_SUBJECT, subjects::stored(&guard.entity));
}
