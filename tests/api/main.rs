//! Journeys over HTTP against the real program, and what hostile callers try.
//!
//! - `client`, `wire`, `log`: a caller, a caller who writes his own bytes, a writer of the log
//! - `users`, `credit`, `orders`, `order_status`, `stock`: what each thing can do
//! - `reports`: what many things come to
//! - `versions`, `keys`, `lists`, `freshness`, `history`, `as_of`: what all calls have in common
//! - `problems`, `tokens`, `operations`: refusals, who may call, what operators see
//! - `hostile_*`: ids, bodies and bytes that nobody well-meaning sends

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod as_of;
mod client;
mod credit;
mod freshness;
#[path = "../harness/mod.rs"]
pub mod harness;
mod history;
mod hostile_bodies;
mod hostile_ids;
mod hostile_wire;
mod keys;
mod lists;
mod log;
mod operations;
mod order_status;
mod orders;
mod problems;
mod reports;
mod stock;
mod tokens;
mod users;
mod versions;
mod wire;
