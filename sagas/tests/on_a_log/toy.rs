//! A trip, to try sagas on: a wish is made, a room is asked for, and it is booked, or too late.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use event_model::{
    Deadline, Decider, EntityName, Event, Metadata, Outgoing, Progress, Recorded, Request, Routed, Saga,
    Unreadable, Version,
};
use event_store::{Connection, EventStore, Settings, subjects};
use nats_launcher::Server;
use sagas::{RunError, Runner};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A slow machine under load does everything in less.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// While it is set, a trip to this place makes the rules panic.
pub(crate) static BROKEN: AtomicBool = AtomicBool::new(true);

/// A wish to be somewhere.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Wish;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WishEvent {
    WishMade {
        #[serde(with = "time::serde::rfc3339")]
        by: OffsetDateTime,
    },
    WishDropped {},
}

impl Event for WishEvent {
    const TYPES: &'static [&'static str] = &["wish-made", "wish-dropped"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::WishMade { .. } => "wish-made",
            Self::WishDropped {} => "wish-dropped",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Never {}

impl Decider for Wish {
    const CATEGORY: &'static str = "wish";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = WishEvent;
    type Event = WishEvent;
    type Rejection = Never;

    fn decide(&self, event: WishEvent) -> Result<Vec<WishEvent>, Never> {
        Ok(vec![event])
    }

    fn evolve(self, _: WishEvent) -> Self {
        self
    }
}

/// The saga.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Trip {
    #[default]
    NotBegun,
    Asked,
    Over(String),
}

#[derive(Debug, Clone)]
pub(crate) enum TripCommand {
    Begin { by: OffsetDateTime },
    Dropped,
    TooLate,
    GiveUp,
    Break,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TripEvent {
    TripBegun {
        #[serde(with = "time::serde::rfc3339")]
        by: OffsetDateTime,
    },
    TripOver {
        why: String,
    },
}

impl Event for TripEvent {
    const TYPES: &'static [&'static str] = &["trip-begun", "trip-over"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::TripBegun { .. } => "trip-begun",
            Self::TripOver { .. } => "trip-over",
        }
    }
}

impl Decider for Trip {
    const CATEGORY: &'static str = "trip";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = TripCommand;
    type Event = TripEvent;
    type Rejection = Never;

    fn decide(&self, command: TripCommand) -> Result<Vec<TripEvent>, Never> {
        let over = |why: &str| vec![TripEvent::TripOver { why: why.into() }];
        Ok(match (self, command) {
            (Self::NotBegun, TripCommand::Begin { by }) => vec![TripEvent::TripBegun { by }],
            (Self::Asked, TripCommand::Dropped) => over("dropped"),
            (Self::Asked, TripCommand::TooLate) => over("too late"),
            (Self::Asked, TripCommand::GiveUp) => over("given up"),
            (_, TripCommand::Break) => {
                assert!(!BROKEN.load(Ordering::SeqCst), "the rules are broken");
                vec![]
            }
            (
                Self::NotBegun | Self::Asked | Self::Over(_),
                TripCommand::Begin { .. } | TripCommand::Dropped | TripCommand::TooLate | TripCommand::GiveUp,
            ) => vec![],
        })
    }

    fn evolve(self, event: TripEvent) -> Self {
        match event {
            TripEvent::TripBegun { .. } => Self::Asked,
            TripEvent::TripOver { why } => Self::Over(why),
        }
    }
}

impl Saga for Trip {
    type Settings = ();

    fn route(event: &Recorded, (): &()) -> Result<Routed<Self>, Unreadable> {
        if event.entity.category != Wish::CATEGORY {
            return Ok(None);
        }
        let broken = event.entity.id.starts_with("broken");
        let command = match event.decode()? {
            WishEvent::WishMade { by } => TripCommand::Begin { by },
            WishEvent::WishDropped {} if broken => TripCommand::Break,
            WishEvent::WishDropped {} => TripCommand::Dropped,
        };
        Ok(Some((event.entity.id.clone(), command)))
    }

    fn send(id: &String, event: &TripEvent) -> Vec<Outgoing> {
        let request = |command| {
            Outgoing::Request(Request { entity: EntityName::new("hotel", id), command, body: Map::new() })
        };
        match event {
            TripEvent::TripBegun { by } => {
                vec![request("book"), Outgoing::Deadline(Deadline { name: "answer", at: *by })]
            }
            TripEvent::TripOver { .. } => vec![request("cancel")],
        }
    }

    fn expire(deadline: &str) -> Option<TripCommand> {
        (deadline == "answer").then_some(TripCommand::TooLate)
    }

    fn abandon(_: &str) -> TripCommand {
        TripCommand::GiveUp
    }

    fn progress(&self) -> Progress {
        match self {
            Self::NotBegun => Progress::NotBegun,
            Self::Asked => Progress::Running { waits_for: vec!["hotel".into()] },
            Self::Over(why) => Progress::Done { outcome: why.clone() },
        }
    }
}

/// A log with its queue and its deadlines, on a server of its own.
pub(crate) async fn log() -> (Server, EventStore) {
    let server = Server::throwaway().await.unwrap();
    let store = open(&server).await;
    (server, store)
}

/// Another node on the same log.
pub(crate) async fn open(server: &Server) -> EventStore {
    let connection = Connection::open(&server.url()).await.unwrap();
    let store = EventStore::open(connection, Settings::default()).await.unwrap();
    store.open_queue(&["hotel"]).await.unwrap();
    store.open_deadlines().await.unwrap();
    store
}

/// Something happens to a wish.
pub(crate) async fn happens(store: &EventStore, wish: &str, event: WishEvent) {
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    store.execute::<Wish>(&wish.to_owned(), event, &metadata).await.unwrap();
}

/// A wish with much time.
pub(crate) fn made() -> WishEvent {
    WishEvent::WishMade { by: OffsetDateTime::now_utc() + time::Duration::HOUR }
}

/// A runner that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub(crate) fn start(store: &EventStore) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(Runner::<Trip>::new(store.clone(), ()).run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }

    /// As a process dies: nothing is finished, nothing is given back.
    pub(crate) fn kill(self) {
        self.task.abort();
    }

    pub(crate) async fn ended(self) -> RunError {
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap_err()
    }
}

/// Looks until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Until a trip has come so far.
pub(crate) async fn trip_is(store: &EventStore, id: &str, wanted: &Trip) {
    let id = id.to_owned();
    until(&format!("{id} is {wanted:?}"), || async {
        *store.load::<Trip>(&id).await.unwrap().state == *wanted
    })
    .await;
}

/// How many events a trip has.
pub(crate) async fn events(store: &EventStore, id: &str) -> usize {
    store.history::<Trip>(&id.to_owned(), Version::START, 100).await.unwrap().0.len()
}

/// What was sent to hotels so far, in the order of the queue: hotel and command.
pub(crate) async fn sent(store: &EventStore) -> Vec<(String, String)> {
    let context = jetstream::new(store.connection().client().clone());
    let stream = context.get_stream("COMMANDS").await.unwrap();
    let mut sent = Vec::new();
    for sequence in 1..=stream.get_info().await.unwrap().state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let (entity, command) = subjects::asked(&message.subject).unwrap();
        sent.push((entity.id, command));
    }
    sent
}

/// Until so many commands are on the queue.
pub(crate) async fn sent_are(store: &EventStore, count: usize) -> Vec<(String, String)> {
    until(&format!("{count} commands"), || async { sent(store).await.len() >= count }).await;
    sent(store).await
}

/// The saga by its name.
pub(crate) fn trip(id: &str) -> EntityName {
    EntityName::new(Trip::CATEGORY, id)
}
