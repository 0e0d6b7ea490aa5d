//! What is known of the server that was started last in a folder, kept beside its store.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::LaunchError;
use crate::home::Home;
use crate::process::Process;

/// `nats-server.json`: the server and the program that started it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    server: Process,
    /// A copied data folder brings along a record that speaks of another store.
    store: String,
    sync: String,
    program: Process,
}

/// Who has the folder, by its record.
pub(crate) enum Holder {
    /// A server whose program is gone.
    Orphan(Process),
    /// A server of a program that lives.
    Owned(Process),
}

impl Record {
    pub(crate) fn write(home: &Home, pid: u32, sync: String) -> Result<(), LaunchError> {
        let (Some(server), Some(program)) = (Process::with_pid(pid), Process::with_pid(std::process::id()))
        else {
            // Dead already, which the wait for its readiness reports.
            return Ok(());
        };
        let record = Self { server, store: home.dir().to_string_lossy().into_owned(), sync, program };
        let text =
            serde_json::to_vec(&record).map_err(|error| LaunchError::folder(home.record())(error.into()))?;
        // Renamed into place: a kill in between must not leave half a record.
        let draft = home.record().with_extension("json.new");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, home.record()))
            .map_err(LaunchError::folder(home.record()))
    }

    pub(crate) fn remove(home: &Home) {
        // One that stays is harmless: its process is gone.
        let _ = fs::remove_file(home.record());
    }

    /// The server of this record, if it lives and is one that was started on this folder.
    pub(crate) fn holder(home: &Home) -> Option<Holder> {
        let record: Self = serde_json::from_slice(&fs::read(home.record()).ok()?).ok()?;
        let same_store = home.dir().to_str() == Some(record.store.as_str());
        if !same_store || !record.server.is_alive() || !serves(&record.server, home) {
            return None;
        }
        let owned = record.program.is_alive();
        Some(if owned { Holder::Owned(record.program) } else { Holder::Orphan(record.server) })
    }
}

/// Whether the process was started with this folder's configuration.
pub(crate) fn serves(process: &Process, home: &Home) -> bool {
    process.command_names(&home.config().to_string_lossy())
}
