//! A home of rows that a test has for itself: a SQLite file, or a database of its own on the server that
//! `JETSOURCE_TEST_POSTGRES` names. So the same tests run over both.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

/// Databases that are empty again: to make one takes long.
static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A home that goes away with this value.
#[derive(Debug)]
pub struct Place {
    url: String,
    folder: TempDir,
    server: Option<String>,
}

impl Place {
    /// With nothing in it.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = std::env::var("JETSOURCE_TEST_POSTGRES").ok();
        let url = match &server {
            None => format!("sqlite:{}", folder.path().join("views.sqlite").display()),
            Some(server) => {
                let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner).pop();
                left.unwrap_or_else(|| {
                    let (address, _) = server.rsplit_once('/').unwrap();
                    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
                    psql(server, &format!("CREATE DATABASE {name}")).unwrap();
                    format!("{address}/{name}")
                })
            }
        };
        Self { url, folder, server }
    }

    /// As `--views` names it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a statement gives, a line for each row.
    pub fn try_lines(&self, sql: &str) -> Result<Vec<String>, String> {
        if self.server.is_some() {
            return psql(&self.url, sql);
        }
        let read = || {
            let file = Connection::open(self.folder.path().join("views.sqlite"))?;
            file.busy_timeout(std::time::Duration::from_secs(30))?;
            let mut statement = file.prepare(sql)?;
            let columns = statement.column_count();
            let line = |row: &rusqlite::Row<'_>| {
                let values = (0..columns).map(|column| Ok(shown(row.get(column)?)));
                Ok(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
            };
            statement.query_map([], line)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|error| error.to_string())
    }

    /// The same, which works.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        self.try_lines(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Whether it is no file.
    pub fn is_on_a_server(&self) -> bool {
        self.server.is_some()
    }

    /// The files of the database lie there from now on. Nobody may be connected to it.
    pub fn move_onto(&self, folder: &Path) {
        let owned = Command::new("chown").arg("postgres").arg(folder).status().unwrap();
        assert!(owned.success());
        self.administer(&format!("CREATE TABLESPACE elsewhere LOCATION '{}'", folder.display()));
        self.administer(&format!("ALTER DATABASE {} SET TABLESPACE elsewhere", self.database()));
    }

    /// And where they were again.
    pub fn move_back(&self) {
        let database = self.database();
        self.administer(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ));
        self.administer(&format!("ALTER DATABASE {database} SET TABLESPACE pg_default"));
        self.administer("DROP TABLESPACE elsewhere");
    }

    fn database(&self) -> &str {
        self.url.rsplit_once('/').unwrap().1
    }

    fn administer(&self, sql: &str) {
        psql(self.server.as_ref().unwrap(), sql).unwrap();
    }

    /// Columns that lists look rows up by, as people see them.
    pub fn columns(&self, names: &[&str]) -> String {
        let shown = |name: &&str| match &self.server {
            None => (*name).to_owned(),
            // Text, or a number of 19 digits.
            Some(_) => format!(
                "CASE WHEN {name} LIKE ':%' THEN substr({name}, 2)
                      WHEN {name} LIKE '-%' THEN (substr({name}, 2)::numeric - 9223372036854775808)::text
                      ELSE {name}::bigint::text END"
            ),
        };
        names.iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    /// From here on no checkpoint can be moved.
    pub fn break_checkpoints(&self) {
        let broken: &[&str] = match &self.server {
            None => &["CREATE TRIGGER broken BEFORE UPDATE ON checkpoints
                       BEGIN SELECT RAISE(ABORT, 'broken'); END"],
            Some(_) => &[
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
                 AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
                "CREATE TRIGGER broken BEFORE UPDATE ON checkpoints FOR EACH ROW EXECUTE FUNCTION broken()",
            ],
        };
        for sql in broken {
            self.lines(sql);
        }
    }

    /// And now they can.
    pub fn mend_checkpoints(&self) {
        let of = if self.server.is_some() { " ON checkpoints" } else { "" };
        self.lines(&format!("DROP TRIGGER broken{of}"));
    }

    /// Tables whose name begins with this.
    pub fn tables(&self, view: &str) -> Vec<String> {
        let catalog = if self.server.is_some() {
            "SELECT tablename FROM pg_tables WHERE schemaname = 'jetsource_views' AND tablename"
        } else {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name"
        };
        self.lines(&format!("{catalog} LIKE '{view}%' ORDER BY 1"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.server.is_none() {
            return;
        }
        let emptied = psql(
            &self.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                                       WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .and_then(|_| psql(&self.url, "DROP SCHEMA IF EXISTS jetsource_views CASCADE"));
        if emptied.is_ok() {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(self.url.clone());
        }
    }
}

fn shown(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

fn psql(url: &str, sql: &str) -> Result<Vec<String>, String> {
    let mut psql = Command::new("psql");
    psql.env("PGOPTIONS", "-c search_path=jetsource_views");
    let said = psql.args([url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().unwrap();
    if said.status.success() {
        Ok(String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect())
    } else {
        Err(String::from_utf8_lossy(&said.stderr).into_owned())
    }
}
