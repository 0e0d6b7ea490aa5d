//! The store on the real broker, a server with a throwaway store for each test.

#![expect(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod away;
mod cluster;
mod disk;
mod group;
mod guards;
mod keys;
mod log;
#[cfg(target_os = "linux")]
mod power;
mod proxy;
mod queue;
mod reading;
mod settle;
#[path = "../told/small_disk.rs"]
mod small_disk;
mod snapshots;
#[path = "../told/told.rs"]
mod told;
mod toy;
