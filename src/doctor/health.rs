//! Whether the running `serve` is ready, in one short call.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde::Deserialize;

use crate::api;
use crate::endpoints::Endpoints;
use crate::exit::{Exit, Failure};
use crate::settings::Places;

/// Shorter than what a health check usually gives.
const PATIENCE: Duration = Duration::from_secs(3);

/// What was seen of a `serve`.
#[derive(Debug)]
pub(super) enum Seen {
    /// It can serve; what it would have somebody look at.
    Ready { at: String, notes: Vec<String> },
    /// It says that it cannot.
    NotReady { at: String, reasons: Vec<String> },
    /// It has no API; its process runs, and put its ready file in place once everything served.
    Runs { pid: u32 },
    /// It should be there and is not.
    Gone { why: String },
    /// It is not known where one would be.
    Nobody { why: String },
}

/// What `/readyz` answers.
#[derive(Debug, Deserialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

/// Says nothing when it is ready.
pub(super) async fn check(places: &Places) -> Result<(), Failure> {
    let why = match look(places).await {
        Seen::Ready { .. } | Seen::Runs { .. } => return Ok(()),
        Seen::NotReady { reasons, .. } => reasons.join("; "),
        Seen::Gone { why } | Seen::Nobody { why } => why,
    };
    Err(Failure::new(Exit::Failed, format!("not ready: {why}")))
}

/// Looks once.
pub(super) async fn look(places: &Places) -> Seen {
    match places.api().url() {
        Ok(url) => ask(url).await,
        Err(nobody) => match Endpoints::of(places.data_dir()) {
            Some(Endpoints { http: None, pid, .. }) if runs(pid) => Seen::Runs { pid },
            Some(Endpoints { http: None, pid, .. }) => {
                Seen::Gone { why: format!("process {pid} runs no more") }
            }
            Some(_) | None => Seen::Nobody { why: nobody.line() },
        },
    }
}

async fn ask(at: String) -> Seen {
    let client = match api::client(None, PATIENCE) {
        Ok(client) => client,
        Err(failure) => return Seen::Nobody { why: failure.line() },
    };
    let answer = match client.get(format!("{at}/readyz")).send().await {
        Ok(answer) => answer.json::<Readiness>().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(Readiness { ready: true, notes, .. }) => Seen::Ready { at, notes },
        Ok(Readiness { reasons, .. }) => Seen::NotReady { at, reasons },
        Err(error) => {
            let why = if error.is_timeout() { "does not answer in time" } else { "does not answer" };
            Seen::Gone { why: format!("the API at {at} {why}") }
        }
    }
}

fn runs(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // One that belongs to somebody else runs too.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
