//! The log, opened.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::kv;
use tokio::sync::OnceCell;

use crate::cache::Entities;
use crate::committer::Committer;
use crate::connection::Connection;
use crate::error::StoreError;
use crate::once::Waiting;
use crate::snapshot::Snapshots;
use crate::streams::{self, StreamError};

/// The bucket of what all nodes of a deployment share.
const BUCKET: &str = "jetsource";

/// How the store behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long one command or one read may take before the caller is told that the broker is away.
    pub patience: Duration,
    /// How long an idempotency key counts.
    pub key_retention: Duration,
    /// How many entities are remembered, so that a hot one is decided without reading the log.
    pub remembered_entities: u64,
}

impl Default for Settings {
    /// Four seconds, thirty days, a hundred thousand entities.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(4),
            key_retention: Duration::from_hours(30 * 24),
            remembered_entities: 100_000,
        }
    }
}

/// The log on JetStream. Clones share one connection.
#[derive(Debug, Clone)]
pub struct EventStore {
    connection: Connection,
    context: jetstream::Context,
    settings: Settings,
    committer: Committer,
    key_committer: Committer,
    entities: Entities,
    snapshots: Snapshots,
    replicated: bool,
    waiting: Waiting,
    bucket: Arc<OnceCell<kv::Store>>,
}

impl EventStore {
    /// Makes the streams, or checks those that are there.
    ///
    /// # Errors
    /// [`StreamError`], which names the field when a stream is not what the log needs.
    pub async fn open(connection: Connection, settings: Settings) -> Result<Self, StreamError> {
        let mut context = jetstream::new(connection.client().clone());
        context.set_timeout(Duration::from_secs(2));
        let events = streams::ensure(&context, streams::events()).await?;
        streams::ensure(&context, streams::keys(settings.key_retention)).await?;
        streams::ensure(&context, streams::snapshots()).await?;
        let snapshots = Snapshots::start(connection.client().clone());
        Ok(Self {
            committer: Committer::start(connection.client().clone()),
            key_committer: Committer::start(connection.client().clone()),
            entities: Entities::new(settings.remembered_entities, snapshots.clone()),
            snapshots,
            replicated: events.num_replicas > 1,
            connection,
            context,
            settings,
            waiting: Waiting::default(),
            bucket: Arc::default(),
        })
    }

    /// The connection that it uses.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn client(&self) -> &async_nats::Client {
        self.connection.client()
    }

    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.context
    }

    pub(crate) fn patience(&self) -> Duration {
        self.settings.patience
    }

    /// The way of events.
    pub(crate) fn committer(&self) -> &Committer {
        &self.committer
    }

    /// The way of idempotency keys.
    pub(crate) fn key_committer(&self) -> &Committer {
        &self.key_committer
    }

    /// Whether several servers hold the log, of which one may answer late.
    pub(crate) fn is_replicated(&self) -> bool {
        self.replicated
    }

    pub(crate) fn entities(&self) -> &Entities {
        &self.entities
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    pub(crate) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// A secret that all nodes of the deployment share: made at first use, kept in the broker.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn shared_secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        let bucket = self.bucket.get_or_try_init(|| self.open_bucket()).await?;
        let mut fresh = [0; 32];
        fresh[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        fresh[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        if let Err(error) = bucket.create(name, fresh.to_vec().into()).await
            && error.kind() != kv::CreateErrorKind::AlreadyExists
        {
            return Err(StoreError::away(error));
        }
        let stored = bucket.get(name).await.map_err(StoreError::away)?;
        let stored = stored.ok_or_else(|| StoreError::Corrupt(format!("the secret {name} was deleted")))?;
        <[u8; 32]>::try_from(&stored[..])
            .map_err(|_| StoreError::Corrupt(format!("the secret {name} is not 32 bytes")))
    }

    async fn open_bucket(&self) -> Result<kv::Store, StoreError> {
        if let Ok(bucket) = self.context.get_key_value(BUCKET).await {
            return Ok(bucket);
        }
        let config = kv::Config {
            bucket: BUCKET.into(),
            description: "what all nodes of the deployment share".into(),
            ..kv::Config::default()
        };
        self.context.create_key_value(config).await.map_err(StoreError::away)
    }
}
