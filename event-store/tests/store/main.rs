//! The store on the real broker, a server with a throwaway store for each test.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod away;
mod disk;
mod group;
mod guards;
mod keys;
mod log;
mod proxy;
mod reading;
mod snapshots;
mod toy;
