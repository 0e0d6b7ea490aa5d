//! Sagas on a real log, a server with a throwaway store for each test.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod deadlines;
mod following;
mod stuck;
mod takeover;
mod toy;
