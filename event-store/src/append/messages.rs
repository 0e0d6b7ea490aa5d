//! What is sent for an append: a message for each event, with one expectation for each entity.

use std::sync::Arc;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use event_model::{Metadata, Part};

use super::{Write, guard};
use crate::committer::{MOST_EVENTS, Outgoing};
use crate::envelope;
use crate::error::StoreError;
use crate::intent;
use crate::store::{EventStore, Staging};
use crate::subjects;

impl EventStore {
    /// The messages of an append, those of its first entity first.
    pub(super) fn messages(
        &self,
        writes: &[Write],
        metadata: &Metadata,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let mut messages = of(writes, metadata)?;
        // Several servers need no record: they store an append whole or not at all.
        if !self.is_replicated() && !intent::record(&mut messages)? && self.staging() == Staging::Memory {
            return Err(StoreError::Unfit(
                "an append this large over several events cannot be completed after a power cut: make it smaller, or \
                 let the broker gather it on disk"
                    .into(),
            ));
        }
        Ok(messages)
    }
}

fn of(writes: &[Write], metadata: &Metadata) -> Result<Vec<Outgoing>, StoreError> {
    let guards = guard::of(writes)?;
    let carrier = guard::carrier(writes, &guards, metadata);
    let of: usize = writes.iter().chain(&carrier).map(|write| write.drafts.len()).sum();
    if of > MOST_EVENTS {
        return Err(StoreError::Unfit(format!("{of} events in one append, at most {MOST_EVENTS} go")));
    }
    let unfit = |_| StoreError::Unfit("too many events".into());
    let mut messages = Vec::with_capacity(of);
    let mut guards = guards.into_iter();
    let with_own = writes.iter().map(|write| (write, true));
    for (write, has_own) in with_own.chain(carrier.iter().map(|carrier| (carrier, false))) {
        let subject = Arc::<str>::from(subjects::append(&write.entity));
        for (index, draft) in write.drafts.iter().enumerate() {
            let number = u32::try_from(messages.len() + 1).map_err(unfit)?;
            let part =
                if of > 1 { Some(Part { number, of: u32::try_from(of).map_err(unfit)? }) } else { None };
            let mut headers = envelope::headers(draft, &write.entity, metadata, part)?;
            let mut relies_on = None;
            if index == 0 && has_own {
                headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, write.stand.last.to_string());
            } else if let Some(guard) = guards.next() {
                guard::carry(&mut headers, guard);
                relies_on = Some(subjects::append(&guard.entity).into());
            }
            messages.push(Outgoing {
                subject: subject.clone(),
                relies_on,
                headers,
                data: draft.data.clone(),
            });
        }
    }
    Ok(messages)
}
