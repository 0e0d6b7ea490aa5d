//! What lies between a listener and where the log was read to: a page of it.

use event_model::Position;
use event_store::{Entry, EventStore, Filter, StoreError};

/// How many entries are read at once.
pub(crate) const PAGE: usize = 250;

/// What lies behind a position of what a filter may want, and up to where that is all: at most `until`, which the log
/// has reached.
pub(crate) async fn page(
    store: &EventStore,
    filter: &Filter,
    after: Position,
    until: Position,
) -> Result<(Vec<Entry>, Position), StoreError> {
    if let Some(entity) = &filter.entity {
        let (entries, more) = store.log_of_after(entity, after).await?;
        let last = entries.last().filter(|_| more).map_or(until, Entry::position);
        return Ok((entries, last.min(until)));
    }
    let (entries, _) = store.log_after(after, PAGE).await?;
    let mut read = after;
    for entry in &entries {
        if entry.position() != read.next() {
            let what = format!("position {} follows {read}: the log has a gap", entry.position());
            return Err(StoreError::Corrupt(what));
        }
        read = entry.position();
    }
    // A replica may not be as far as the log is.
    if read == after {
        return Err(StoreError::Unavailable(format!("nothing is given behind position {after} yet").into()));
    }
    Ok((entries, read.min(until)))
}
