//! Sagas that cannot go on: set aside, with what they would do next and why they cannot, so that the others go on. A
//! record each, on a stream of its own; it is gone once the saga goes on.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, RawMessageErrorKind, StorageType, Stream};
use event_model::{EntityName, Position};
use event_store::{EventStore, StoreError, subjects};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The stream of the records.
pub const STUCK: &str = "STUCK";
/// How long the broker may take to answer.
const ROUND_TRIP: Duration = Duration::from_secs(2);

/// A saga that cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Its kind, such as `checkout`.
    pub name: String,
    /// Which.
    pub id: String,
    /// The position on the log of what it cannot do.
    pub position: Position,
    /// Why, for people.
    pub reason: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

impl Stuck {
    fn entity(&self) -> EntityName {
        EntityName::new(self.name.as_str(), &self.id)
    }
}

/// The records of sagas that are stuck.
#[derive(Debug, Clone)]
pub struct StuckSagas {
    context: jetstream::Context,
    stream: Stream<()>,
}

impl StuckSagas {
    /// The records, on a stream that is made when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn open(store: &EventStore) -> Result<Self, StoreError> {
        let mut context = jetstream::new(store.connection().client().clone());
        context.set_timeout(ROUND_TRIP);
        let config = Config {
            name: STUCK.into(),
            description: Some("sagas that cannot go on, a record each".into()),
            subjects: vec!["stuck.>".into()],
            storage: StorageType::File,
            max_messages_per_subject: 1,
            allow_direct: true,
            num_replicas: store.connection().replicas(),
            ..Config::default()
        };
        context.get_or_create_stream(config).await.map_err(away)?;
        let stream = context.get_stream_no_info(STUCK).await.map_err(away)?;
        Ok(Self { context, stream })
    }

    /// All of a kind, or of every kind where none is named; those that are stuck for longest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn all(&self, name: Option<&str>) -> Result<Vec<Stuck>, StoreError> {
        let filter = name.map_or_else(|| "stuck.>".to_owned(), |name| format!("stuck.{name}.>"));
        let info = self.stream.info_with_subjects(filter).await.map_err(away)?;
        let subjects: Vec<(String, usize)> = info.try_collect().await.map_err(away)?;
        let mut all = Vec::with_capacity(subjects.len());
        for (subject, _) in subjects {
            all.extend(self.at(&subject).await?);
        }
        all.sort_by(|one: &Stuck, other| one.since.cmp(&other.since).then(one.id.cmp(&other.id)));
        Ok(all)
    }

    /// The record of one, if it is stuck.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn get(&self, saga: &EntityName) -> Result<Option<Stuck>, StoreError> {
        self.at(&subject(saga)).await
    }

    /// Of the leader: a replica may not have it yet.
    async fn at(&self, subject: &str) -> Result<Option<Stuck>, StoreError> {
        match self.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => serde_json::from_slice(&message.payload)
                .map(Some)
                .map_err(|error| StoreError::Corrupt(format!("the record on {subject}: {error}"))),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    /// Sets one aside; returns once that is stored.
    pub(crate) async fn put(&self, stuck: &Stuck) -> Result<(), StoreError> {
        let record = serde_json::to_vec(stuck).map_err(|error| StoreError::Unfit(error.to_string()))?;
        let sent = self.context.publish(subject(&stuck.entity()), record.into()).await.map_err(away)?;
        sent.await.map(drop).map_err(away)
    }

    /// It goes on. A record that came meanwhile stays: it is another one.
    pub(crate) async fn remove(&self, saga: &EntityName) -> Result<(), StoreError> {
        let record = match self.stream.get_last_raw_message_by_subject(&subject(saga)).await {
            Ok(record) => record,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(()),
            Err(error) => return Err(away(error)),
        };
        match self.stream.delete_message(record.sequence).await {
            Ok(_) => Ok(()),
            // It is gone, or another has taken its place.
            Err(_) if self.get(saga).await?.is_none() => Ok(()),
            Err(error) => Err(away(error)),
        }
    }
}

fn subject(saga: &EntityName) -> String {
    let stored = subjects::stored(saga);
    format!("stuck.{}", stored.strip_prefix("events.").unwrap_or(&stored))
}

fn away(error: impl Into<event_store::error::Cause>) -> StoreError {
    StoreError::Unavailable(error.into())
}
