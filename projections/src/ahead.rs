//! What was folded and may not be written yet, so that a batch can be folded while the one before is written.

use std::collections::VecDeque;
use std::sync::Arc;

use event_model::Position;

use crate::fold::{Change, Stored};

/// The changes of batches that were folded, in order.
#[derive(Debug, Default)]
pub(crate) struct Ahead(VecDeque<(Position, Arc<Vec<Change>>)>);

/// How the newest batch that touched a row left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    Row(Stored),
    NoRow,
}

impl Ahead {
    /// A batch up to this position was folded. What sets rows aside must be written before anything behind it is folded.
    pub(crate) fn add(&mut self, to: Position, changes: &Arc<Vec<Change>>) {
        self.0.push_back((to, Arc::clone(changes)));
    }

    /// Everything up to this position is written.
    pub(crate) fn written(&mut self, to: Position) {
        let open = self.0.iter().position(|(batch, _)| *batch > to).unwrap_or(self.0.len());
        self.0.drain(..open);
    }

    /// How a row is once all of it is written; `None` when no batch has touched it.
    pub(crate) fn find(&self, key: &str) -> Option<Left> {
        self.0.iter().rev().find_map(|(_, changes)| {
            // A batch writes its rows in the order of their keys.
            let place = changes.binary_search_by(|change| change.key().cmp(key)).ok()?;
            match &changes[place] {
                Change::Write { first, json, .. } => {
                    Some(Left::Row(Stored { first: *first, json: json.clone() }))
                }
                Change::Delete { .. } => Some(Left::NoRow),
                Change::SetAside(_) | Change::Wait { .. } => None,
            }
        })
    }
}
