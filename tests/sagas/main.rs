//! Sagas, as people meet them: over HTTP and on the command line, with all roles in one program.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod checkout;
mod departure;
#[path = "../harness/mod.rs"]
pub mod harness;
mod looking_after;
mod participant;
mod reports;
mod shop;
