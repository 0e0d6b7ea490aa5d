//! What an operator asks of one saga. The runner that has its kind answers, on a subject of its own.

use std::time::Duration;

use async_nats::RequestErrorKind;
use event_model::EntityName;
use event_store::EventStore;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// How long an answer may take: what a stuck saga has missed is read and tried first.
const TO_ANSWER: Duration = Duration::from_secs(30);

/// What is asked of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// To try again what it was stuck at.
    Retry,
    /// To be given up: it ends, and gives back what it can. One that is stuck steps over what it was stuck at.
    Abandon {
        /// Why, for people.
        reason: String,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody runs sagas of this kind.
    #[error("no process runs the sagas of this kind just now: start one, then try again")]
    NoRunner,
    /// The runner says why not.
    #[error("{0}")]
    Refused(String),
    /// The broker, or the runner, does not answer.
    #[error("no answer; look at the saga for what became of it")]
    Unavailable(#[source] event_store::error::Cause),
}

/// A question on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) asked: Asked,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Done(String),
    Refused(String),
}

/// The subject on which the runner of a kind of saga is asked.
pub(crate) fn subject(category: &str) -> String {
    format!("sagas.{category}.ask")
}

/// Asks it of a saga; what was done, in words.
///
/// # Errors
/// [`ControlError`], by what the caller does next.
pub async fn ask(store: &EventStore, saga: &EntityName, asked: Asked) -> Result<String, ControlError> {
    let question = Question { id: saga.id.clone(), asked };
    let question = serde_json::to_vec(&question).map_err(|error| ControlError::Refused(error.to_string()))?;
    let request = async_nats::Request::new().payload(question.into()).timeout(Some(TO_ANSWER));
    let client = store.connection().client();
    let sent = timeout(TO_ANSWER, client.send_request(subject(&saga.category), request)).await;
    let reply = match sent {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
            return Err(ControlError::NoRunner);
        }
        Ok(Err(error)) => return Err(ControlError::Unavailable(error.into())),
        Err(elapsed) => return Err(ControlError::Unavailable(elapsed.into())),
    };
    match serde_json::from_slice(&reply.payload) {
        Ok(Answer::Done(done)) => Ok(done),
        Ok(Answer::Refused(reason)) => Err(ControlError::Refused(reason)),
        Err(error) => Err(ControlError::Unavailable(error.into())),
    }
}
