//! Read models in a PostgreSQL database, shared by several processes. `make test-deploy` runs these: they need a server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../harness/mod.rs"]
pub mod harness;
#[expect(clippy::missing_panics_doc, reason = "a test fails by panicking")]
#[path = "../../projections/tests/place/mod.rs"]
pub mod place;
mod restart;
mod takeover;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use harness::{Program, poll, stderr, stdout};
use place::Place;
use serde_json::{Value, json};

/// Longer than eight views need for thousands of events on a machine that has other things to do.
pub(crate) const LONG: Duration = Duration::from_mins(2);

/// An API with its broker, whose lists come from the database, and processes that do nothing but keep them.
pub(crate) struct Shop {
    pub(crate) api: Program,
    pub(crate) place: Place,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let place = Place::make();
        assert!(place.url().starts_with("postgres://"), "run this by `make test-deploy`");
        let api = Program::start_with(&["--role", "api", "--views", place.url()]);
        Self { api, place }
    }

    /// A process that keeps the read models.
    pub(crate) fn worker(&self) -> Program {
        let nats = self.api.nats();
        Program::start_with(&["--role", "projections", "--views", self.place.url(), "--nats-url", nats])
    }

    /// So many articles, received; the call returns once the list shows them.
    pub(crate) fn receive(&self, count: u64) {
        let line = |n: u64| {
            let path = format!("/stock/article-{n}/receipts");
            json!({"method": "POST", "path": path, "body": {"quantity": 1}}).to_string()
        };
        let file = self.api.folder().join("commands.ndjson");
        fs::write(&file, (0..count).map(line).collect::<Vec<_>>().join("\n")).unwrap();
        let output = self.api.call(&["import", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    }

    /// A command: the position of its event.
    pub(crate) fn receive_one(&self, article: &str) -> String {
        let (_, headers, _) = self.asked(
            &format!("POST /stock/{article}/receipts"),
            "content-type: application/json\r\ncontent-length: 15\r\n",
            "{\"quantity\": 1}",
        );
        let position = headers.lines().find_map(|line| line.strip_prefix("jetsource-position: "));
        position.unwrap_or_else(|| panic!("{headers}")).to_owned()
    }

    /// The list of articles at a position, as long as it may take: its status and body.
    pub(crate) fn listed_at(&self, position: &str, wait: u64) -> (u16, String) {
        let headers = format!("jetsource-position: {position}\r\nprefer: wait={wait}\r\n");
        let (status, _, body) = self.asked("GET /stock?limit=200", &headers, "");
        (status, body)
    }

    pub(crate) fn asked(&self, call: &str, headers: &str, body: &str) -> (u16, String, String) {
        let address = self.api.http().strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(address).unwrap();
        write!(connection, "{call} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n{body}").unwrap();
        let mut said = String::new();
        connection.read_to_string(&mut said).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
    }

    /// Each read model, as its worker tells it.
    pub(crate) fn status(&self) -> Vec<Value> {
        let output = self.api.call(&["projections", "status", "--json"]);
        serde_json::from_str(&stdout(&output)).unwrap_or_default()
    }

    /// Returns once every read model is driven by somebody, and has all of the log.
    pub(crate) fn caught_up(&self) {
        let all = poll(LONG, || {
            let all = self.status();
            let follows = |report: &Value| report["behind"] == 0 && report["rebuild"].is_null();
            (all.len() >= 8 && all.iter().all(follows)).then_some(())
        });
        assert!(all.is_some(), "{:?}", self.status());
    }

    /// The rows are the fold of the log.
    pub(crate) fn equal(&self) {
        for view in ["users", "orders", "stock"] {
            let output = self.api.call(&["projections", "verify", view]);
            assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        }
    }

    /// The highest token that the database has seen of a view.
    pub(crate) fn token(&self) -> u64 {
        self.place.lines("SELECT token FROM fences WHERE view = 'stock'")[0].parse().unwrap()
    }
}
