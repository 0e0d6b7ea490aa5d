//! What callers are told, held against what the log holds.
//!
//! - `caller`: commands of every kind, and what was said to each
//! - `crowd`: many callers on one store
//! - `raw`: the log as any NATS client sees it
//! - `check`: the two held against each other, by code that shares nothing with the store

pub(crate) mod caller;
pub(crate) mod check;
pub(crate) mod crowd;
pub(crate) mod raw;

use std::time::Duration;

/// Long enough for any answer, short enough to hear of one that never comes.
const NEVER: Duration = Duration::from_secs(30);

/// A whole number from the environment.
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}
