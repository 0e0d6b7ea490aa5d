//! Commands on subjects, sent as any NATS client sends them, to the real program.
//!
//! In reading order: who sends them, then the journeys.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../harness/mod.rs"]
pub mod harness;
mod sender;

mod aside;
mod away;
mod broken;
mod each;
mod nodes;
mod once;
mod refused;
mod requests;
