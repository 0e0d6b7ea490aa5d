//! `GET /events` of the real program: those who listen, and what they are promised.
//!
//! - `listener`, `shop`: who listens, and who gives them something to hear
//! - `stream`, `filters`, `begin`: what a listener hears, which of it, and from where on
//! - `joins`, `restarts`, `slow`: nothing is missed and nothing comes twice, or it is said
//! - `pages`: the same as pages

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod begin;
mod filters;
#[path = "../harness/mod.rs"]
pub mod harness;
mod joins;
mod listener;
mod pages;
mod restarts;
mod shop;
mod slow;
mod stream;
