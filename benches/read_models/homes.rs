//! The homes in which views are measured: a file, and PostgreSQL where `JETSOURCE_TEST_POSTGRES` names a server
//! (`.ci/postgres`).

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use projections::HomeAddress;
use tempfile::TempDir;

use crate::filled::scratch;

/// A kind of home.
pub(crate) enum Kind {
    Sqlite,
    /// On the server at this URL.
    Postgres(String),
}

/// A home without anything in it.
pub(crate) struct Home {
    /// As `--views` takes it.
    pub(crate) url: String,
    _folder: TempDir,
}

impl Kind {
    /// Those that there are.
    pub(crate) fn all() -> Vec<Self> {
        let server = std::env::var("JETSOURCE_TEST_POSTGRES").ok();
        [Self::Sqlite].into_iter().chain(server.map(Self::Postgres)).collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// A new one.
    pub(crate) fn make(&self) -> Home {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let folder = scratch();
        let url = match self {
            Self::Sqlite => format!("sqlite:{}", folder.path().join("views.sqlite").display()),
            Self::Postgres(server) => {
                let name = format!("bench_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
                let done = Command::new("psql")
                    .args([server, "-qc", &format!("CREATE DATABASE {name}")])
                    .status()
                    .unwrap();
                assert!(done.success());
                let (server, _) = server.rsplit_once('/').unwrap();
                format!("{server}/{name}")
            }
        };
        Home { url, _folder: folder }
    }
}

impl Home {
    pub(crate) fn address(&self) -> HomeAddress {
        self.url.parse().unwrap()
    }
}
