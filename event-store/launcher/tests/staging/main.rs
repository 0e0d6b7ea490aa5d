//! Where batches are staged, on the real server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod memory;
#[cfg(target_os = "linux")]
mod power;
mod raw;
