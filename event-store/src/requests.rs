//! Commands on subjects that are answered: a NATS service, shared by all nodes.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Service, ServiceExt as _};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{SelectAll, select_all};
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::StoreError;
use crate::publish::TOO_LARGE;
use crate::queue::asked::{self, Unreadable};
use crate::queue::refused::Refused;
use crate::queue::{self, QueuedCommand};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::subjects;

/// More than carrying a command out takes, patience with the broker included.
const TO_ANSWER: Duration = Duration::from_secs(15);

/// Requests to entities, as they come.
pub struct Requests {
    service: Option<Service>,
    endpoints: SelectAll<Endpoint>,
}

/// A command, and somebody who waits to hear what became of it.
#[derive(Debug)]
pub struct Request {
    /// The command, or why it is none. Where it came without an id, it has a new one.
    pub command: Result<QueuedCommand, Unreadable>,
    /// Whether it came with an id, under which it may come again.
    pub has_id: bool,
    asked: async_nats::service::Request,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The error's code and its name in a few words, where it is one.
    pub error: Option<(u16, String)>,
    /// JSON.
    pub body: Bytes,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl EventStore {
    /// Becomes one of those who answer requests to these categories, as a service of that name and version. Returns
    /// once the broker knows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn requests(
        &self,
        name: &str,
        version: &str,
        categories: &[&str],
    ) -> Result<Requests, StoreError> {
        let client = self.client();
        let service = client.service_builder().start(name, version).await.map_err(StoreError::away)?;
        let mut endpoints = Vec::new();
        for category in categories {
            let endpoint = service.endpoint_builder().name(category);
            endpoints.push(endpoint.add(subjects::requests(category)).await.map_err(StoreError::away)?);
        }
        let known = timeout(ROUND_TRIP, client.flush()).await.map_err(StoreError::away)?;
        known.map_err(StoreError::away)?;
        Ok(Requests { service: Some(service), endpoints: select_all(endpoints) })
    }

    /// Sends a command, and waits for the answer. With the same id it may be sent again.
    ///
    /// # Errors
    /// As [`EventStore::ask_again`].
    pub async fn ask(&self, command: &QueuedCommand) -> Result<Reply, StoreError> {
        let subject = subjects::request(&subjects::command(&command.entity, &command.command));
        self.send_request(subject, queue::headers(command), command.body.clone()).await
    }

    /// Sends a command that was refused once more, with this body, and waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nobody answers such requests; [`StoreError::OutcomeUnknown`] when no answer
    /// comes; [`StoreError::Unfit`] when it is too large.
    pub async fn ask_again(&self, refused: &Refused, body: Bytes) -> Result<Reply, StoreError> {
        let mut headers = refused.headers.clone();
        if headers.get(NATS_MESSAGE_ID).is_none() {
            // The same each time: should the answer be lost, asking once more is safe.
            let own = format!("refused-{}-{}", refused.sequence, refused.time.unix_timestamp_nanos());
            headers.insert(NATS_MESSAGE_ID, own);
        }
        self.send_request(subjects::request(&refused.subject), headers, body).await
    }

    async fn send_request(
        &self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, StoreError> {
        use async_nats::RequestErrorKind::{
            InvalidSubject, MaxPayloadExceeded, NoResponders, Other, TimedOut,
        };
        let request = async_nats::Request::new().headers(headers).payload(body).timeout(Some(TO_ANSWER));
        let answer = self.client().send_request(subject, request).await;
        let message = answer.map_err(|error| match error.kind() {
            NoResponders | InvalidSubject => StoreError::Unavailable(error.into()),
            MaxPayloadExceeded => StoreError::Unfit(format!("{error} ({TOO_LARGE})")),
            TimedOut | Other => StoreError::OutcomeUnknown(error.into()),
        })?;
        let header = |name| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let code = header(NATS_SERVICE_ERROR_CODE).map(|code| code.parse().unwrap_or(500));
        let error = code.map(|code| (code, header(NATS_SERVICE_ERROR).unwrap_or_default()));
        Ok(Reply { error, body: message.payload })
    }
}

impl Requests {
    /// The next one; `None` once this was closed and all that had come is given out. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Request> {
        let asked = self.endpoints.next().await?;
        let message = &asked.message;
        let has_id = message.headers.as_ref().is_some_and(|headers| headers.get(NATS_MESSAGE_ID).is_some());
        let new_id = || Some(Uuid::now_v7().to_string());
        let command =
            asked::read(&message.subject, message.headers.as_ref(), message.payload.clone(), new_id);
        Some(Request { command, has_id, asked })
    }

    /// Takes no more: who asks from now on is answered by another node. Those that are on their way just now hear
    /// nothing, and may ask again under their ids.
    pub async fn close(&mut self) {
        if let Some(service) = self.service.take()
            && let Err(error) = service.stop().await
        {
            tracing::debug!(error, "the service does not end in order");
        }
    }
}

impl Request {
    /// The subject on which it came.
    pub fn subject(&self) -> &str {
        &self.asked.message.subject
    }

    /// Answers it. Who does not wait any more does not hear it.
    pub async fn answer(&self, reply: Reply) {
        let mut headers = HeaderMap::new();
        if let Some((code, said)) = reply.error {
            headers.insert(NATS_SERVICE_ERROR_CODE, code.to_string());
            headers.insert(NATS_SERVICE_ERROR, said);
        }
        if let Err(error) = self.asked.respond_with_headers(Ok(reply.body), headers).await {
            tracing::debug!(%error, subject = self.subject(), "an answer was not sent");
        }
    }
}
