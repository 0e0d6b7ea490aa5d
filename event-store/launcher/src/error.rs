//! What can go wrong between finding the server and having it run.

use std::io;
use std::path::PathBuf;

/// Why the server, or the folder that it needs, cannot be had. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No program of that name anywhere.
    #[error(
        "no nats-server 2.15 or newer on PATH, in .nats/ of the checkout or in the data folder: \
         run `make nats`, or name one with --nats-server"
    )]
    NotFound,

    /// The best one that was found is below 2.15.
    #[error(
        "{} is nats-server {found}, and 2.15 or newer is needed: run `make nats`, or name another with \
         --nats-server",
        path.display()
    )]
    TooOld {
        /// The program.
        path: PathBuf,
        /// The version that it says it is.
        found: String,
    },

    /// The program is there and does not say which nats-server it is.
    #[error("{} does not run as a nats-server here: name another with --nats-server", path.display())]
    NotRunnable {
        /// The program.
        path: PathBuf,
        /// What the system, or the program itself, says.
        #[source]
        source: io::Error,
    },

    /// A folder, or a file that belongs in it, cannot be made, read or written.
    #[error("cannot use {}: make it writable, or choose another folder with --data-dir", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },

    /// Batches were to be staged in a place that is no memory, or cannot be had.
    #[error(
        "cannot stage batches in {}: mount a tmpfs there with 16 MiB of room or more, or choose --staging disk",
        path.display()
    )]
    Staging {
        /// The folder that was named.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },

    /// Another program has the data folder.
    #[error(
        "the data folder {} is in use by process {holder}: stop it, or choose another with --data-dir",
        path.display()
    )]
    DataDirInUse {
        /// The folder.
        path: PathBuf,
        /// The pid of the program that has it, or `unknown`.
        holder: String,
    },

    /// Somebody has the server's folder who is not an orphan of ours.
    #[error(
        "the nats-server folder {} is in use by {holder}: stop it, or choose another with --data-dir",
        path.display()
    )]
    StoreInUse {
        /// The folder.
        path: PathBuf,
        /// Who has it, as far as can be told.
        holder: String,
    },

    /// An orphan outlived even SIGKILL.
    #[error(
        "the nats-server left behind in {} (process {pid}) does not end: end it by hand, then try again",
        path.display()
    )]
    OrphanStays {
        /// The folder.
        path: PathBuf,
        /// The orphan.
        pid: u32,
    },

    /// The server ended before it served.
    #[error("nats-server ended before it was ready, see {}: {last_words}", log.display())]
    Died {
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        last_words: String,
    },

    /// The server runs and does not get ready.
    #[error("nats-server was not ready within {seconds} s: see {}", log.display())]
    NotReady {
        /// Its log.
        log: PathBuf,
        /// How long it was given.
        seconds: u64,
    },

    /// The server is down at this moment, so there is nobody to send a signal to.
    #[error("nats-server is not running just now: await its restart, then try again")]
    Down,
}

impl LaunchError {
    pub(crate) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}
