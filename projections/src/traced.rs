//! Where the events of a batch are in the traces of their causes.

use std::collections::BTreeSet;

use event_model::{Projection, Recorded};
use event_store::{Entry, subjects, trace};
use tracing::Span;

use crate::attempt::{Tried, insist};

/// The places of the events that touch a row in the traces of their causes.
pub(crate) fn traced<P: Projection>(entries: &[Entry]) -> Vec<Span> {
    if !trace::is_on() {
        return Vec::new();
    }
    let events = entries.iter().filter_map(|entry| match entry {
        Entry::Event(event) => event.traceparent.as_ref().map(|cause| (event, cause)),
        Entry::Foreign(_) => None,
    });
    // One that makes the projection panic is told of elsewhere.
    let touches = |event: &Recorded| {
        let keys = insist(event, &BTreeSet::new(), || P::keys(event));
        matches!(keys, Tried::Done(keys) if !keys.is_empty())
    };
    let touching = events.filter(|(event, _)| touches(event));
    let span = |(event, cause): (&Recorded, &String)| {
        let span = trace::processing(P::NAME, &subjects::stored(&event.entity), event.id);
        trace::follow(&span, Some(cause));
        span
    };
    touching.map(span).collect()
}
