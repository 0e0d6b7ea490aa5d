//! Views on a real log, a server with a throwaway store for each test.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop where it fails")]

mod failures;
mod following;
mod full;
#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[path = "../place/mod.rs"]
pub mod place;
mod rebuild;
#[path = "../../../event-store/tests/told/small_disk.rs"]
mod small_disk;
mod toy;
mod trouble;
mod verifying;
