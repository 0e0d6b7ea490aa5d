//! A batch into rows: sort it, read what it touches, fold, write each row once, and move the checkpoint with them.

use std::sync::Arc;

use event_model::{Position, Projection, Recorded};
use event_store::{Entry, Mark};
use tokio::task::spawn_blocking;

use crate::error::ViewError;
use crate::failure::Failure;
use crate::fold::{self, Change, Failed, Skipped, event};
use crate::generation::Target;
use crate::home::{Home, Touched};

/// What a batch came to.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// How many rows it wrote, dropped or set aside; with none the checkpoint has not moved.
    pub(crate) rows: usize,
    pub(crate) skipped: Vec<Skipped>,
    /// What it set aside.
    pub(crate) failed: Vec<Failed>,
}

impl Applied {
    fn of(changes: &[Change], skipped: Vec<Skipped>) -> Self {
        let failed = changes.iter().filter_map(|change| match change {
            Change::SetAside(failed) => Some(failed.clone()),
            Change::Write { .. } | Change::Delete { .. } | Change::Wait { .. } => None,
        });
        Self { rows: changes.len(), skipped, failed: failed.collect() }
    }
}

/// Applies the entries behind a mark, and moves the checkpoint with them when they touched a row. What a projection
/// computes is done on a thread that may block.
pub(crate) async fn apply<P: Projection>(
    home: &dyn Home,
    target: &Target,
    entries: &Arc<Vec<Entry>>,
    from: Mark,
    to: Mark,
) -> Result<Applied, ViewError> {
    let (batch, skips) = (Arc::clone(entries), Arc::clone(&target.skips));
    let sorted = spawn_blocking(move || fold::sort::<P>(&batch, from.position, &skips)).await?;
    let touched = if sorted.by_key.is_empty() {
        Touched::default()
    } else {
        home.touched(target, sorted.by_key.keys().cloned().collect()).await?
    };
    let (batch, folded) = (Arc::clone(entries), target.clone());
    let changes = spawn_blocking(move || fold::changes::<P>(&folded, &batch, sorted, &touched));
    let (changes, skipped) = changes.await??;
    let applied = Applied::of(&changes, skipped);
    if applied.rows > 0 {
        home.commit(target, changes, from, to).await?;
    }
    Ok(applied)
}

/// Applies to a row that is set aside what waits there; `next` is what waits behind that. Returns what it is set aside
/// for now, if it still is.
pub(crate) async fn apply_again<P: Projection>(
    home: &dyn Home,
    target: &Target,
    failure: &Failure,
    entries: Vec<Entry>,
    next: Option<Position>,
) -> Result<Applied, ViewError> {
    let key = failure.key.clone();
    let touched = home.touched(target, vec![key.clone()]).await?;
    let folded = target.clone();
    let up_to = entries.iter().filter_map(event).next_back().map_or(failure.position, |event| event.position);
    let changes = spawn_blocking(move || {
        let events: Vec<&Recorded> = entries.iter().filter_map(event).collect();
        let stored = touched.stored.get(&key);
        fold::fold::<P>(&folded, key, stored, &events, &mut Vec::new())
    });
    let changes = changes.await??;
    let applied = Applied::of(&changes, Vec::new());
    home.redone(target, failure, changes, up_to, next).await?;
    Ok(applied)
}
