//! A batch into rows: sort it, read what it touches, fold, write each row once, and move the checkpoint with them.

use std::collections::HashMap;
use std::sync::Arc;

use event_model::{Position, Projection, Recorded};
use event_store::{Entry, Mark};
use tokio::task::spawn_blocking;

use crate::ahead::{Ahead, Left};
use crate::error::ViewError;
use crate::failure::Failure;
use crate::fold::{self, Change, Failed, Skipped, Sorted, event};
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

/// What the entries behind a position make of rows; `ahead` is what was folded before and may not be written yet. What a
/// projection computes is done on a thread that may block.
pub(crate) async fn changes<P: Projection>(
    home: &dyn Home,
    target: &Target,
    entries: &Arc<Vec<Entry>>,
    after: Position,
    ahead: &Ahead,
) -> Result<(Vec<Change>, Applied), ViewError> {
    let (batch, skips) = (Arc::clone(entries), Arc::clone(&target.skips));
    let sorted = spawn_blocking(move || fold::sort::<P>(&batch, after, &skips)).await?;
    let touched = touched(home, target, &sorted, ahead).await?;
    let (batch, folded) = (Arc::clone(entries), target.clone());
    let changes = spawn_blocking(move || fold::changes::<P>(&folded, &batch, sorted, &touched));
    let (changes, skipped) = changes.await??;
    let applied = Applied::of(&changes, skipped);
    Ok((changes, applied))
}

/// The rows that a batch touches, as what is ahead leaves them, else as they are.
async fn touched(
    home: &dyn Home,
    target: &Target,
    sorted: &Sorted,
    ahead: &Ahead,
) -> Result<Touched, ViewError> {
    let mut left = HashMap::new();
    let mut keys = Vec::with_capacity(sorted.by_key.len());
    for key in sorted.by_key.keys() {
        match ahead.find(key) {
            Some(Left::Row(stored)) => drop(left.insert(key.clone(), stored)),
            Some(Left::NoRow) => {}
            None => keys.push(key.clone()),
        }
    }
    let mut touched = if keys.is_empty() { Touched::default() } else { home.touched(target, keys).await? };
    touched.stored.extend(left);
    Ok(touched)
}

/// Applies the entries behind a mark, and moves the checkpoint with them when they touched a row.
pub(crate) async fn apply<P: Projection>(
    home: &dyn Home,
    target: &Target,
    entries: &Arc<Vec<Entry>>,
    from: Mark,
    to: Mark,
) -> Result<Applied, ViewError> {
    let (changes, applied) = changes::<P>(home, target, entries, from.position, &Ahead::default()).await?;
    if applied.rows > 0 {
        home.commit(target, Arc::new(changes), from, to).await?;
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
