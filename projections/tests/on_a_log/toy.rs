//! Counters, a view of them, and a node that keeps it.

use std::time::Duration;

use event_model::{Column, Decider, EntityName, Event, Metadata, Position, Projection, Recorded, Unreadable};
use event_store::{Connection, EventStore, ExecuteError, Settings, Stand, StoreError, Write};
use nats_launcher::Server;
use projections::{
    Answer, Asked, HomeAddress, Order, Query, Report, RunError, ViewStatus, Views, Waited, ask,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::place::Place;

/// Nothing here takes so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counter;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CounterEvent {
    CounterRaised { by: u64 },
}

impl Event for CounterEvent {
    const TYPES: &'static [&'static str] = &["counter-raised"];

    fn event_type(&self) -> &'static str {
        "counter-raised"
    }
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

impl Decider for Counter {
    const CATEGORY: &'static str = "counter";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = u64;
    type Event = CounterEvent;
    type Rejection = Never;

    fn decide(&self, by: u64) -> Result<Vec<CounterEvent>, Never> {
        Ok(vec![CounterEvent::CounterRaised { by }])
    }

    fn evolve(self, _: CounterEvent) -> Self {
        self
    }
}

/// What everybody sees of a counter. Later versions of the view count in larger units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) total: u64,
    pub(crate) events: u64,
}

#[derive(Debug)]
pub(crate) struct Tallies<const VERSION: u32>;

impl<const VERSION: u32> Projection for Tallies<VERSION> {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = VERSION;
    const INDEXES: &'static [&'static [&'static str]] = &[&["total"]];
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let ours = event.entity.category == "counter";
        Ok(ours.then(|| event.entity.id.clone()).into_iter().collect())
    }

    fn project(_: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        let CounterEvent::CounterRaised { by } = event.decode()?;
        let Tally { total, events } = row.unwrap_or(Tally { total: 0, events: 0 });
        Ok(Some(Tally { total: total + by * u64::from(VERSION), events: events + 1 }))
    }

    fn columns(row: &Tally) -> Vec<(&'static str, Column)> {
        vec![("total", i64::try_from(row.total).unwrap().into())]
    }
}

/// A log on a server of its own.
pub(crate) async fn log() -> (Server, EventStore) {
    let server = Server::throwaway().await.unwrap();
    let connection = Connection::open(&server.url()).await.unwrap();
    let store = EventStore::open(connection, Settings::default()).await.unwrap();
    (server, store)
}

/// Raises a counter, and again until the broker has taken it; where the event lies.
pub(crate) async fn raise(store: &EventStore, counter: &str, by: u64) -> Position {
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    loop {
        match store.execute::<Counter>(&counter.to_owned(), by, &metadata).await {
            Ok(done) => return done.entity.position,
            Err(ExecuteError::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Raises a counter that was never raised before, so often and all at once; where the last event lies.
pub(crate) async fn raise_often(store: &EventStore, counter: &str, times: usize) -> Position {
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    let events = vec![CounterEvent::CounterRaised { by: 1 }; times];
    let entity = EntityName::new(Counter::CATEGORY, counter);
    let write = Write::new(entity, Stand::default(), &events, &metadata).unwrap();
    store.append(&[write], &metadata).await.unwrap()
}

/// A worker that runs, and where it is asked.
pub(crate) struct Node {
    pub(crate) views: Views,
    store: EventStore,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
    desk: AbortOnDropHandle,
}

/// A task that ends with this value.
struct AbortOnDropHandle(JoinHandle<Result<(), StoreError>>);

impl Drop for AbortOnDropHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Node {
    pub(crate) async fn start<const VERSION: u32>(place: &Place, store: &EventStore) -> Self {
        Self::of::<Tallies<VERSION>>(place, store).await
    }

    pub(crate) async fn of<P: Projection>(place: &Place, store: &EventStore) -> Self {
        Self::at::<P>(&place.address(), store).await
    }

    pub(crate) async fn at<P: Projection>(address: &HomeAddress, store: &EventStore) -> Self {
        let views = Views::open(address).await.unwrap();
        let worker = views.worker::<P>().await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(worker.run(store.clone(), async move {
            let _ = stopped.await;
        }));
        let desk = views.desk(P::NAME).unwrap().run(store.clone(), std::future::pending());
        let (store, desk) = (store.clone(), AbortOnDropHandle(tokio::spawn(desk)));
        Self { views, store, stop, running, desk }
    }

    /// Told to stop, as a program does.
    pub(crate) async fn stop(mut self) -> Views {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        // It holds the home, too.
        self.desk.0.abort();
        assert!((&mut self.desk.0).await.unwrap_err().is_cancelled());
        self.views
    }

    /// As an operator asks, over the broker.
    pub(crate) async fn ask(&self, asked: Asked) -> Answer {
        loop {
            match ask(&self.store, "tallies", &asked).await {
                Ok(answer) => return answer,
                // It has not begun to listen.
                Err(projections::ControlError::NoWorker(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// As an operator is told.
    pub(crate) async fn report(&self) -> Report {
        let answer = self.ask(Asked::Status).await;
        let Answer::Status(report) = answer else { panic!("{answer:?}") };
        *report
    }

    /// What it ends in by itself.
    pub(crate) async fn ended(self) -> (RunError, Views) {
        let ended = timeout(PATIENCE, self.running).await.unwrap();
        (ended.unwrap().unwrap_err(), self.views)
    }

    pub(crate) async fn reaches(&self, position: Position) {
        let waited = self.views.wait_for("tallies", position, PATIENCE).await.unwrap();
        assert_eq!(waited, Waited::Reached, "{:?}", self.views.statuses());
    }

    pub(crate) async fn tells(&self, what: impl Fn(&ViewStatus) -> bool) -> ViewStatus {
        let mut status = self.views.watch("tallies").unwrap();
        let told = timeout(PATIENCE, status.wait_for(|status| what(status))).await;
        told.unwrap().unwrap().clone()
    }
}

/// All rows: key, total, events.
pub(crate) async fn rows(views: &Views) -> Vec<(String, u64, u64)> {
    let page = views.list("tallies", &Query::new(Order::KeyAscending, 10_000)).await.unwrap();
    let row = |row: projections::Listed| {
        let tally: Tally = serde_json::from_str(&row.row).unwrap();
        (row.key, tally.total, tally.events)
    };
    page.rows.into_iter().map(row).collect()
}

impl Place {
    /// As a program opens it.
    pub(crate) async fn views(&self) -> Views {
        Views::open(&self.address()).await.unwrap()
    }

    pub(crate) fn address(&self) -> HomeAddress {
        self.url().parse().unwrap()
    }

    /// Changes one row behind everybody's back.
    #[track_caller]
    pub(crate) fn change(&self, sql: &str) {
        assert_eq!(self.lines(&format!("{sql} RETURNING 1")).len(), 1, "{sql}");
    }
}
