//! What can go wrong, by what the caller does next.

use std::error::Error;

use event_model::{EntityName, Position, Version};

/// Something that the broker said or did not say, kept as the source of an error.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why the log could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Read again, then decide again: another writer was faster.
    #[error("{entity} was changed by another writer")]
    Conflict {
        /// The entity on which the writers met.
        entity: EntityName,
    },
    /// Try again later: nothing was stored.
    #[error("the broker is away; nothing was changed")]
    Unavailable(#[source] Cause),
    /// Look before you try again: it may have been stored, and may still be.
    #[error("the broker did not answer; outcome unknown")]
    OutcomeUnknown(#[source] Cause),
    /// Call somebody: the log is not what it was, or holds what this program cannot know.
    #[error("the log is not as it must be: {0}")]
    Corrupt(String),
    /// Fix the program: what was to be stored cannot be.
    #[error("this cannot be stored: {0}")]
    Unfit(String),
}

impl StoreError {
    pub(crate) fn away(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// Why a command did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: Error + 'static> {
    /// Fix the request: the rules refused it.
    #[error(transparent)]
    Rejected(R),
    /// Read again: the entity is no longer at the version that the caller named.
    #[error("expected version {expected}, found {found}")]
    VersionMismatch {
        /// The version that the caller named.
        expected: Version,
        /// The version that the entity has.
        found: Version,
    },
    /// Fix the request: the key was first used for another one.
    #[error("the idempotency key was first used for another request")]
    KeyReused,
    /// Try again in a moment: the first call with this key is still under way.
    #[error("the first call with this idempotency key is still under way")]
    KeyBusy,
    /// The log could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a stored message is not an event that readers may rely on. It is stepped over and counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message at position {position} on {subject} is not an event: {reason}")]
pub struct Foreign {
    /// Where it lies.
    pub position: Position,
    /// The subject that it lies on.
    pub subject: String,
    /// What is missing or wrong.
    pub reason: String,
}
