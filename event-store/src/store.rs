//! The log, opened.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::kv;
use event_model::EntityName;
use tokio::sync::OnceCell;

use crate::cache::Entities;
use crate::committer::Committer;
use crate::connection::{ConnectError, Connection};
use crate::settle::Admission;
use crate::snapshot::Snapshots;
use crate::streams::{self, StreamError};
use crate::turns::Turns;

/// How the store behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long one command or one read may take before the caller is told that the broker is away.
    pub patience: Duration,
    /// How long an idempotency key counts.
    pub key_retention: Duration,
    /// How many entities are remembered, so that a hot one is decided without reading the log.
    pub remembered_entities: u64,
    /// Where the broker gathers a batch before it is stored.
    pub staging: Staging,
}

/// Where the broker gathers a batch before it is stored. It is the broker's own matter, and said here because it
/// decides what a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Staging {
    /// On disk: after a power cut the broker completes a batch by itself.
    #[default]
    Disk,
    /// In memory: after a power cut the store completes an append, from the record that its first event carries.
    Memory,
}

impl Default for Settings {
    /// Four seconds, thirty days, a hundred thousand entities, staging on disk.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(4),
            key_retention: Duration::from_hours(30 * 24),
            remembered_entities: 100_000,
            staging: Staging::default(),
        }
    }
}

/// The log on JetStream. Clones share one connection.
#[derive(Debug, Clone)]
pub struct EventStore(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    connection: Connection,
    context: jetstream::Context,
    settings: Settings,
    committer: Committer,
    key_committer: Committer,
    command_committer: Committer,
    entities: Entities,
    snapshots: Snapshots,
    replicated: bool,
    turns_by_key: Turns<String>,
    turns_by_entity: Turns<EntityName>,
    admission: Admission,
    bucket: OnceCell<kv::Store>,
}

impl EventStore {
    /// Makes the streams, or checks those that are there. On a broker of several servers they are made with three
    /// replicas; those that are there keep what they have.
    ///
    /// # Errors
    /// [`StreamError`], which names the field when a stream is not what the log needs.
    pub async fn open(connection: Connection, settings: Settings) -> Result<Self, StreamError> {
        let context = context(&connection);
        let replicas = connection.replicas();
        let events = streams::ensure(&connection, &context, streams::events(replicas)).await?;
        streams::ensure(&connection, &context, streams::keys(settings.key_retention, replicas)).await?;
        streams::ensure(&connection, &context, streams::snapshots(replicas)).await?;
        Ok(Self::opened(connection, context, settings, events.num_replicas > 1))
    }

    /// The log for those who only read it: where this broker has a mirror of it, as an edge has, that one, which may be
    /// behind; else as [`Self::open`]. No stream takes an append to a mirror.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_read(connection: Connection, settings: Settings) -> Result<Self, StreamError> {
        let context = context(&connection);
        match streams::mirror(&context).await? {
            Some(mirror) => Ok(Self::opened(connection, context, settings, mirror.num_replicas > 1)),
            None => Self::open(connection, settings).await,
        }
    }

    /// The same log over a connection of its own, which lives on the runtime that asks for it: for a reader of so much
    /// that others would wait behind what it is sent. Nothing else is shared with this one.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn beside(&self) -> Result<Self, ConnectError> {
        let connection = self.0.connection.another().await?;
        let context = context(&connection);
        Ok(Self::opened(connection, context, self.0.settings.clone(), self.0.replicated))
    }

    fn opened(
        connection: Connection,
        context: jetstream::Context,
        settings: Settings,
        replicated: bool,
    ) -> Self {
        let snapshots = Snapshots::start(connection.client().clone());
        Self(Arc::new(Opened {
            committer: Committer::start(connection.client().clone()),
            key_committer: Committer::start(connection.client().clone()),
            command_committer: Committer::start(connection.client().clone()),
            entities: Entities::new(settings.remembered_entities, snapshots.clone()),
            snapshots,
            replicated,
            connection,
            context,
            settings,
            turns_by_key: Turns::default(),
            turns_by_entity: Turns::default(),
            admission: Admission::default(),
            bucket: OnceCell::new(),
        }))
    }

    /// The connection that it uses.
    pub fn connection(&self) -> &Connection {
        &self.0.connection
    }

    pub(crate) fn client(&self) -> &async_nats::Client {
        self.0.connection.client()
    }

    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.0.context
    }

    pub(crate) fn patience(&self) -> Duration {
        self.0.settings.patience
    }

    /// The way of events.
    pub(crate) fn committer(&self) -> &Committer {
        &self.0.committer
    }

    /// The way of idempotency keys.
    pub(crate) fn key_committer(&self) -> &Committer {
        &self.0.key_committer
    }

    /// The way of commands to the queue.
    pub(crate) fn command_committer(&self) -> &Committer {
        &self.0.command_committer
    }

    /// Whether several servers hold the log, of which one may answer late.
    pub(crate) fn is_replicated(&self) -> bool {
        self.0.replicated
    }

    /// Where the broker gathers a batch.
    pub(crate) fn staging(&self) -> Staging {
        self.0.settings.staging
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    pub(crate) fn entities(&self) -> &Entities {
        &self.0.entities
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.0.snapshots
    }

    pub(crate) fn turns_by_key(&self) -> &Turns<String> {
        &self.0.turns_by_key
    }

    pub(crate) fn turns_by_entity(&self) -> &Turns<EntityName> {
        &self.0.turns_by_entity
    }

    /// The bucket of what all nodes share, once it was needed.
    pub(crate) fn bucket(&self) -> &OnceCell<kv::Store> {
        &self.0.bucket
    }
}

fn context(connection: &Connection) -> jetstream::Context {
    let mut context = jetstream::new(connection.client().clone());
    context.set_timeout(Duration::from_secs(2));
    context
}
