//! Views on a real log, a server with a throwaway store for each test.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop where it fails")]

mod failures;
mod following;
#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[path = "../place/mod.rs"]
pub mod place;
mod rebuild;
mod toy;
mod trouble;
mod verifying;
