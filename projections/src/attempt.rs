//! A pure function of a projection, called so that whatever it does stays with the one event.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use event_model::{Position, Recorded, Unreadable};

use crate::error::line;

/// How often it is called before its failure counts.
const TRIES: u32 = 3;
/// The longest reason that is kept.
const LONGEST: usize = 1000;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tried<T> {
    Done(T),
    /// The event counts for nothing: a foreign hand wrote it, or somebody has said so.
    SteppedOver(String),
    /// The event is one of ours, and the projection cannot apply it.
    Failed(String),
}

/// Calls it, again when it fails. What carries no version was not written by a writer of the log, so that nobody need
/// be able to read it.
pub(crate) fn insist<T>(
    event: &Recorded,
    skips: &BTreeSet<Position>,
    attempt: impl Fn() -> Result<T, Unreadable>,
) -> Tried<T> {
    let mut reason = String::new();
    for _ in 0..TRIES {
        // What a projection has left half done is dropped: it owns all that it works on.
        match catch_unwind(AssertUnwindSafe(&attempt)) {
            Ok(Ok(done)) => return Tried::Done(done),
            Ok(Err(error)) if event.version.is_none() => return Tried::SteppedOver(line(&error)),
            Ok(Err(error)) => reason = line(&error),
            Err(panic) => reason = format!("the projection panicked: {}", said(panic.as_ref())),
        }
    }
    let reason = reason.chars().take(LONGEST).collect();
    if skips.contains(&event.position) { Tried::SteppedOver(reason) } else { Tried::Failed(reason) }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
