//! Whether the server still writes, by its own word.
//!
//! After a write error, such as a full disk, it takes no message until it is started again. Publishers hear
//! nothing or a refusal that says something else; its monitoring endpoint alone tells (`docs/decisions/0008`).

use std::path::Path;

use serde::Deserialize;

use crate::monitoring;

/// Two of the largest block files: with less a server that starts could hardly finish what an earlier one began.
const ROOM: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
struct Health {
    #[serde(default)]
    errors: Vec<Unhealthy>,
}

#[derive(Debug, Deserialize)]
struct Unhealthy {
    #[serde(rename = "type")]
    kind: String,
}

/// Whether the server says that a stream of it is broken. One that does not answer says nothing.
pub(crate) async fn refuses_writes(monitoring_url: &str) -> bool {
    let health: Option<Health> = monitoring::ask(monitoring_url, "/healthz?details=true").await;
    health.is_some_and(|health| health.errors.iter().any(|error| error.kind == "STREAM"))
}

/// Whether the folder's file system has room to write. One that does not tell is given the benefit of the doubt.
pub(crate) fn has_room(folder: &Path) -> bool {
    !rustix::fs::statvfs(folder).is_ok_and(|now| now.f_bavail.saturating_mul(now.f_frsize) < ROOM)
}
