//! The generations of a view: the rows that lists read, and those that are built beside them.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_model::Position;
use event_store::Mark;

use crate::definition::{Definition, columns_of};
use crate::error::ViewError;

/// Rows of a view in a table of their own, all folded by one version of its projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) version: u32,
    pub(crate) layout: String,
    pub(crate) rows_in: String,
    /// Up to where the log is in the rows.
    pub(crate) mark: Mark,
}

/// Which of the generations that a view has at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Lists read it.
    Serving,
    /// It will serve once it has caught up.
    Building,
}

/// A generation that is built beside the serving one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) generation: Generation,
    /// Whether somebody has asked it to wait.
    pub(crate) stopped: bool,
}

/// What there is of a view when its worker starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) serving: Generation,
    pub(crate) building: Option<Build>,
    /// Events of which somebody has said that they count for nothing, should they not be applicable.
    pub(crate) skips: BTreeSet<Position>,
}

/// The rows that batches are applied to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) definition: Arc<Definition>,
    pub(crate) place: Place,
    pub(crate) generation: u32,
    pub(crate) rows_in: String,
    pub(crate) skips: Arc<BTreeSet<Position>>,
}

impl Generation {
    /// Whether this projection, as it is now, folded the rows. Only then can they follow the log.
    pub(crate) fn is_of(&self, definition: &Definition) -> bool {
        self.version == definition.version && self.layout == definition.layout()
    }

    /// The rows must have this column. Those of an older projection serve until others are built, and may lack it.
    pub(crate) fn must_have(&self, definition: &Definition, column: &str) -> Result<(), ViewError> {
        if !definition.columns.contains(&column) {
            return Err(ViewError::UnknownColumn { view: definition.name, column: column.to_owned() });
        }
        if columns_of(&self.layout).any(|there| there == column) {
            Ok(())
        } else {
            Err(ViewError::NotBuilt(definition.name))
        }
    }

    pub(crate) fn target(
        &self,
        definition: &Arc<Definition>,
        place: Place,
        skips: &Arc<BTreeSet<Position>>,
    ) -> Target {
        let (generation, rows_in) = (self.number, self.rows_in.clone());
        Target { definition: Arc::clone(definition), place, generation, rows_in, skips: Arc::clone(skips) }
    }
}
