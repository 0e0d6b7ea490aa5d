//! A view built by postgres-es itself: its replay of all events of an aggregate type, into its own view table.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{GenericQuery, QueryReplay};
use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View};
use postgres_es::{PostgresEventRepository, PostgresViewRepository};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::postgres::durable_settings;

/// The table of a view as postgres-es has it in its `db/init.sql`; it has no other index.
const VIEW: &str = "
CREATE TABLE orders
(
    view_id text                        NOT NULL,
    version bigint CHECK (version >= 0) NOT NULL,
    payload json                        NOT NULL,
    PRIMARY KEY (view_id)
)";

/// What the replay took.
#[derive(Serialize)]
pub(crate) struct Replayed {
    events: usize,
    rows: i64,
    seconds: f64,
    per_second: f64,
}

/// A line of standard input: an event of an order.
#[derive(Deserialize)]
struct Given {
    order: Uuid,
    version: i64,
    event: OrderEvent,
}

/// Stores the events of standard input, then replays them.
pub(crate) async fn measure(url: &str) -> anyhow::Result<Replayed> {
    // A ping before each use would be one more round trip than the view needs.
    let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false).connect(url).await?;
    durable_settings(&mut *pool.acquire().await?).await?;
    sqlx::raw_sql(VIEW).execute(&pool).await?;
    let events = store(&pool).await?;
    let repository = PostgresEventRepository::new(pool.clone());
    let mut query =
        GenericQuery::new(Arc::new(PostgresViewRepository::<OrderView, Order>::new("orders", pool.clone())));
    query.use_error_handler(Box::new(|error| eprintln!("{error}")));
    let started = Instant::now();
    QueryReplay::new(repository, query).replay_all().await?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await?;
    let updates: i64 = sqlx::query_scalar("SELECT sum(version)::bigint FROM orders").fetch_one(&pool).await?;
    ensure!(usize::try_from(updates)? == events, "{updates} of {events} events came to the view");
    Ok(Replayed { events, rows, seconds, per_second: f64::from(u32::try_from(events)?) / seconds })
}

/// In one transaction: only the replay is measured.
async fn store(pool: &PgPool) -> anyhow::Result<usize> {
    let mut transaction = pool.begin().await?;
    let mut events = 0;
    for line in std::io::stdin().lock().lines() {
        let Given { order, version, event } = serde_json::from_str(&line?)?;
        sqlx::query("INSERT INTO events VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(Order::TYPE)
            .bind(order.to_string())
            .bind(version)
            .bind(event.event_type())
            .bind(event.event_version())
            .bind(serde_json::to_value(&event)?)
            .bind(serde_json::to_value(HashMap::<String, String>::new())?)
            .execute(&mut *transaction)
            .await?;
        events += 1;
    }
    transaction.commit().await?;
    Ok(events)
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Line {
    sku: String,
    quantity: u64,
    unit_price: u64,
}

/// What happens to an order, as the log of the shop has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OrderEvent {
    OrderPlaced { user_id: Uuid, lines: Vec<Line>, total: u64, ship_to: Option<String> },
    OrderConfirmed { user_id: Uuid },
    OrderCancelled { user_id: Uuid, reason: Option<String> },
    OrderShipped { user_id: Uuid },
    OrderCompleted { user_id: Uuid },
}

impl DomainEvent for OrderEvent {
    fn event_type(&self) -> String {
        match self {
            Self::OrderPlaced { .. } => "order-placed",
            Self::OrderConfirmed { .. } => "order-confirmed",
            Self::OrderCancelled { .. } => "order-cancelled",
            Self::OrderShipped { .. } => "order-shipped",
            Self::OrderCompleted { .. } => "order-completed",
        }
        .into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

/// The aggregate that the replay wants; its commands are never handled here.
#[derive(Default, Deserialize, Serialize)]
struct Order;

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = ();
    type Event = OrderEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Infallible> {
        Ok(())
    }

    fn apply(&mut self, _: OrderEvent) {}
}

/// What people see of an order: the row that this repository's view has.
#[derive(Debug, Default, Deserialize, Serialize)]
struct OrderView {
    id: String,
    user_id: Uuid,
    status: String,
    lines: Vec<Line>,
    total: u64,
    ship_to: Option<String>,
    reason: Option<String>,
    version: usize,
}

impl View<Order> for OrderView {
    fn update(&mut self, event: &EventEnvelope<Order>) {
        self.version = event.sequence;
        let status = match &event.payload {
            OrderEvent::OrderPlaced { user_id, lines, total, ship_to } => {
                self.id.clone_from(&event.aggregate_id);
                (self.user_id, self.total) = (*user_id, *total);
                self.lines.clone_from(lines);
                self.ship_to.clone_from(ship_to);
                "placed"
            }
            OrderEvent::OrderConfirmed { .. } => "confirmed",
            OrderEvent::OrderCancelled { reason, .. } => {
                self.reason.clone_from(reason);
                "cancelled"
            }
            OrderEvent::OrderShipped { .. } => "shipped",
            OrderEvent::OrderCompleted { .. } => "completed",
        };
        status.clone_into(&mut self.status);
    }
}
