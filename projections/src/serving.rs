//! The rows that lists read, from the side of the worker.

use event_model::{Position, Projection};

use crate::feed::Feed;
use crate::generation::Generation;

/// The rows that lists read.
#[derive(Debug)]
pub(crate) enum Serving<P> {
    /// Before it has begun.
    None,
    /// They follow the log.
    Live(Generation, Feed<P>),
    /// Another version of the projection has folded them: they serve as they are until others are built.
    Frozen(Generation),
}

impl<P: Projection> Serving<P> {
    pub(crate) fn feed(&mut self) -> Option<&mut Feed<P>> {
        match self {
            Self::Live(_, feed) => Some(feed),
            Self::None | Self::Frozen(_) => None,
        }
    }

    /// Which generation it is.
    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Live(generation, _) | Self::Frozen(generation) => generation.number,
        }
    }

    /// Every event up to here is in the rows.
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::None => Position::START,
            Self::Live(_, feed) => feed.position(),
            Self::Frozen(generation) => generation.mark.position,
        }
    }
}
