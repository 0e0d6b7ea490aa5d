//! Appends to postgres-es: the commit of its event store, with a connection for each writer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use anyhow::ensure;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, DomainEvent, EventStore as _};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::appends::Store;
use crate::event::{OrderPlaced, TYPE};

/// The table of events as postgres-es has it in its `db/init.sql`.
pub(crate) const SCHEMA: &str = "
CREATE TABLE events
(
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

#[derive(Clone)]
pub(crate) struct PostgresEs {
    store: Arc<PersistedEventStore<PostgresEventRepository, Order>>,
}

impl PostgresEs {
    pub(crate) async fn connect(url: &str, writers: u16) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new()
            .min_connections(writers.into())
            .max_connections(writers.into())
            // A ping before each commit would be one more round trip than the store needs.
            .test_before_acquire(false)
            .connect(url)
            .await?;
        durable_settings(&mut *pool.acquire().await?).await?;
        let store = PersistedEventStore::new_event_store(PostgresEventRepository::new(pool));
        Ok(Self { store: Arc::new(store) })
    }
}

impl Store for PostgresEs {
    async fn append(&self, entity: Uuid) -> anyhow::Result<()> {
        let new = EventStoreAggregateContext {
            aggregate_id: entity.to_string(),
            aggregate: Order,
            current_sequence: 0,
            current_snapshot: None,
        };
        self.store.commit(vec![OrderPlaced::new()], new, HashMap::new()).await?;
        Ok(())
    }
}

/// What the server says of its durability, which fails unless a commit waits for the disk.
pub(crate) async fn durable_settings(
    connection: &mut PgConnection,
) -> anyhow::Result<HashMap<&'static str, String>> {
    let mut settings = HashMap::new();
    for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"] {
        let value: String = sqlx::query_scalar(&format!("SHOW {name}")).fetch_one(&mut *connection).await?;
        settings.insert(name, value);
    }
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        ensure!(settings[name] == "on", "{name} is {}", settings[name]);
    }
    Ok(settings)
}

/// The aggregate that the event store wants; its commands are never handled here.
#[derive(Default, Deserialize, Serialize)]
struct Order;

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = ();
    type Event = OrderPlaced;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Infallible> {
        Ok(())
    }

    fn apply(&mut self, _: OrderPlaced) {}
}

impl DomainEvent for OrderPlaced {
    fn event_type(&self) -> String {
        TYPE.into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}
