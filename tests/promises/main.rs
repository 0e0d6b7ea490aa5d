//! What callers are promised, whatever happens meanwhile: to them, to the program, to the broker, to the log.
//!
//! In reading order: what the journeys are told with, then the journeys.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod caller;
mod fold;
#[path = "../harness/mod.rs"]
pub mod harness;
mod import;
mod load;
mod log;

mod away;
mod crashes;
mod flips;
mod foreign;
mod foreign_more;
mod import_order;
mod keys;
mod races;
mod replaced;
mod routes;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use caller::Caller;
use harness::Program;

/// A program that serves, and somebody who calls it.
struct Shop {
    program: Program,
    api: Caller,
}

impl Shop {
    fn open() -> Self {
        Self::open_with(&[])
    }

    fn open_with(arguments: &[&str]) -> Self {
        let program = Program::start_with(arguments);
        let api = Caller::at(program.http());
        Self { program, api }
    }

    /// Another node of the same deployment, which serves commands and reads.
    fn second_node(&self) -> Self {
        Self::open_with(&["--role", "api", "--nats-url", self.program.nats()])
    }

    /// Every message of the log.
    async fn log(&self) -> Vec<log::Message> {
        log::stored(self.program.nats()).await
    }

    /// A crash of the program, and a new start.
    fn crash(&mut self) {
        self.program.kill();
        self.program.restart();
        self.api = Caller::at(self.program.http());
    }
}

/// Asks until there is an answer; a test that has to wait longer has failed.
async fn eventually<T>(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(2)).await;
    }
}
