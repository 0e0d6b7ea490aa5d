//! What an operator asks of one view. The worker that drives it answers, on a subject of its own: nobody else writes
//! its rows.

use std::time::Duration;

use async_nats::RequestErrorKind;
use event_store::EventStore;
use event_store::error::Cause;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::failure::{FailedRow, Failures};
use crate::report::Report;

/// How long an answer may take.
const TO_ANSWER: Duration = Duration::from_secs(30);

/// What is asked of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// How it is.
    Status,
    /// To be built anew beside the rows that serve, or to go on with that.
    Rebuild,
    /// To wait with that.
    StopRebuild,
    /// Which of its rows are set aside.
    Failures,
    /// One row that is set aside, with the row.
    Failure(String),
    /// To try again what a row is set aside for; all of them where none is named.
    Retry(Option<String>),
    /// To step over the event that a row is set aside for.
    Skip {
        /// The row's key.
        key: String,
        /// Why, for people.
        reason: String,
    },
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How it is.
    Status(Box<Report>),
    /// The rows that are set aside.
    Failures(Failures),
    /// The row that was asked for.
    Failure(Box<FailedRow>),
    /// It was done: what, in words.
    Done(String),
    /// It was not done: why, in words.
    Refused(String),
    /// There is no such thing: what, in words.
    NotFound(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody drives this view.
    #[error("no process drives the view {0} just now: start one with the role projections, then try again")]
    NoWorker(String),
    /// The broker, or the worker, does not answer.
    #[error("no answer about the view {view}; see `jetsource projections status`")]
    Unavailable {
        /// Which view.
        view: String,
        /// Why not.
        #[source]
        source: Cause,
    },
}

/// A question on its way to the worker, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) asked: Asked,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The subject on which the worker of a view is asked.
pub(crate) fn subject(view: &str) -> String {
    format!("projections.{view}.ask")
}

/// Asks it of a view.
///
/// # Errors
/// [`ControlError`], by what the caller does next.
pub async fn ask(store: &EventStore, view: &str, asked: &Asked) -> Result<Answer, ControlError> {
    let unavailable = |source: Cause| ControlError::Unavailable { view: view.to_owned(), source };
    let question = serde_json::to_vec(asked).map_err(|error| unavailable(error.into()))?;
    let request = async_nats::Request::new().payload(question.into()).timeout(Some(TO_ANSWER));
    let client = store.connection().client();
    let reply = match timeout(TO_ANSWER, client.send_request(subject(view), request)).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
            return Err(ControlError::NoWorker(view.to_owned()));
        }
        Ok(Err(error)) => return Err(unavailable(error.into())),
        Err(elapsed) => return Err(unavailable(elapsed.into())),
    };
    serde_json::from_slice(&reply.payload).map_err(|error| unavailable(error.into()))
}
