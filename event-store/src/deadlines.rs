//! Deadlines of sagas: messages that the broker holds back until their time, so that no task has to wait and none is
//! forgotten.

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_SCHEDULE, NATS_SCHEDULE_TARGET};
use async_nats::jetstream::consumer::pull::{self, Stream};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use bytes::Bytes;
use event_model::{Deadline, EntityName};
use std::sync::Arc;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::committer::Outgoing;
use crate::error::{Cause, StoreError};
use crate::publish::{self, Answer};
use crate::queue::{CAUSATION, CORRELATION};
use crate::read::ROUND_TRIP;
use crate::store::EventStore;
use crate::streams::{self, DEADLINES, StreamError};
use crate::subjects;

/// How long one who was given a due deadline may take to store it, before another is given it.
const TO_STORE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(50);

/// A deadline that has passed.
#[derive(Debug)]
pub struct Due {
    /// Whose it is.
    pub saga: EntityName,
    /// Which.
    pub name: String,
    /// The event that set it.
    pub causation_id: Option<Uuid>,
    /// The first cause of the chain.
    pub correlation_id: Option<Uuid>,
    message: async_nats::jetstream::Message,
}

impl Due {
    /// It is stored, and need not come again. When this is lost it comes again, and changes nothing.
    pub async fn done(&self) {
        if let Err(error) = self.message.ack().await {
            tracing::debug!(error, "a deadline comes once more");
        }
    }
}

/// The deadlines of one kind of saga, as they come due.
pub struct DueDeadlines(Stream);

impl std::fmt::Debug for DueDeadlines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DueDeadlines")
    }
}

impl EventStore {
    /// Makes the stream of deadlines.
    ///
    /// # Errors
    /// [`StreamError`], as [`EventStore::open`].
    pub async fn open_deadlines(&self) -> Result<(), StreamError> {
        streams::ensure(self.connection(), self.context(), streams::deadlines(self.connection().replicas()))
            .await
            .map(drop)
    }

    /// Has the broker remind the saga; returns once that is stored, on disk. One that is set already stays as it is, and
    /// one whose time has passed comes at once. `cause` is the event that set it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn set_deadline(
        &self,
        saga: &EntityName,
        deadline: &Deadline,
        cause: (Uuid, Option<Uuid>),
    ) -> Result<(), StoreError> {
        let until = self.deadline();
        let (set, due) = subjects::deadline(saga, deadline.name);
        let at = deadline.at.format(&Rfc3339).map_err(|error| StoreError::Unfit(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_SCHEDULE, format!("@at {at}"));
        headers.insert(NATS_SCHEDULE_TARGET, due);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        headers.insert(CAUSATION, cause.0.to_string());
        if let Some(correlation) = cause.1 {
            headers.insert(CORRELATION, correlation.to_string());
        }
        let subject = Arc::<str>::from(set);
        loop {
            let by = until.min(Instant::now() + ROUND_TRIP);
            let message = Outgoing {
                subject: subject.clone(),
                relies_on: None,
                headers: headers.clone(),
                data: Bytes::from_static(b"{}"),
            };
            let cause: Cause = match publish::one(self.client(), message, by).await {
                // Of the refusals, the one that says: it is set already.
                Answer::Stored { .. } | Answer::Refused { code: 10071, .. } => return Ok(()),
                Answer::Refused { code, said } => format!("{DEADLINES}: {said} ({code})").into(),
                Answer::NoStream(cause) | Answer::None(cause) => cause,
                Answer::Parted => "it was parted".into(),
            };
            if Instant::now() + RETRY >= until {
                return Err(StoreError::Unavailable(cause));
            }
            sleep(RETRY).await;
        }
    }

    /// The deadlines of a kind of saga that have come due and were not stored yet, and those that will.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn due_deadlines(&self, category: &str) -> Result<DueDeadlines, StoreError> {
        let name = format!("due-{category}");
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: subjects::due(category),
            ack_policy: AckPolicy::Explicit,
            ack_wait: TO_STORE,
            ..pull::Config::default()
        };
        let stream = self.context().get_stream_no_info(DEADLINES).await.map_err(StoreError::away)?;
        let consumer: PullConsumer =
            stream.get_or_create_consumer(&name, config).await.map_err(StoreError::away)?;
        let messages = consumer.stream().max_messages_per_batch(100).heartbeat(Duration::from_millis(500));
        let messages = messages.expires(Duration::from_secs(30)).messages().await;
        messages.map(DueDeadlines).map_err(StoreError::away)
    }
}

impl DueDeadlines {
    /// The next one; waits until there is one. Safe to drop and call again.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection broke: ask for the deadlines anew.
    pub async fn next(&mut self) -> Result<Due, StoreError> {
        use futures_util::StreamExt as _;
        loop {
            let message = self.0.next().await.ok_or_else(|| StoreError::away("no more deadlines"))?;
            let message = message.map_err(StoreError::away)?;
            let Some((saga, name)) = subjects::of_due(&message.subject) else {
                tracing::warn!(subject = %message.subject, "a deadline of nobody is stepped over");
                message.ack().await.map_err(|error| StoreError::away(error.to_string()))?;
                continue;
            };
            let id = |name: &str| {
                let headers = message.headers.as_ref()?;
                Uuid::try_parse(headers.get(name)?.as_str()).ok()
            };
            let (causation_id, correlation_id) = (id(CAUSATION.as_ref()), id(CORRELATION.as_ref()));
            return Ok(Due { saga, name, causation_id, correlation_id, message });
        }
    }
}
