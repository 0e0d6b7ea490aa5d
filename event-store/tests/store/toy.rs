//! A jar of coins, to try the log on, and a log of its own for each test.

use event_model::{Decider, EntityName, Event, Metadata, Position, Version};
use event_store::{Connection, EventStore, Settings, Write};
use nats_launcher::Server;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Jar {
    pub(crate) coins: u64,
    pub(crate) sealed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JarEvent {
    CoinsAdded { coins: u64 },
    JarSealed {},
}

impl Event for JarEvent {
    const TYPES: &'static [&'static str] = &["coins-added", "jar-sealed"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::CoinsAdded { .. } => "coins-added",
            Self::JarSealed {} => "jar-sealed",
        }
    }
}

/// The same wire name with data of another shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Misread {
    CoinsAdded { coins: String },
}

impl Event for Misread {
    const TYPES: &'static [&'static str] = &["coins-added"];

    fn event_type(&self) -> &'static str {
        "coins-added"
    }
}

#[derive(Debug, Clone)]
pub(crate) enum JarCommand {
    Add(u64),
    /// Twice the same, as two events.
    AddTwice(u64),
    Seal,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the jar is sealed")]
pub(crate) struct Sealed;

impl Decider for Jar {
    const CATEGORY: &'static str = "jar";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = JarCommand;
    type Event = JarEvent;
    type Rejection = Sealed;

    fn decide(&self, command: JarCommand) -> Result<Vec<JarEvent>, Sealed> {
        match command {
            JarCommand::Seal => Ok(if self.sealed { vec![] } else { vec![JarEvent::JarSealed {}] }),
            _ if self.sealed => Err(Sealed),
            JarCommand::Add(coins) => Ok(vec![JarEvent::CoinsAdded { coins }]),
            JarCommand::AddTwice(coins) => Ok(vec![JarEvent::CoinsAdded { coins }; 2]),
        }
    }

    fn evolve(self, event: JarEvent) -> Self {
        match event {
            JarEvent::CoinsAdded { coins } => Self { coins: self.coins + coins, ..self },
            JarEvent::JarSealed {} => Self { sealed: true, ..self },
        }
    }
}

/// A log on a server of its own.
pub(crate) async fn log() -> (Server, EventStore) {
    let server = Server::throwaway().await.unwrap();
    let store = open(&server).await;
    (server, store)
}

/// Another node on the same log.
pub(crate) async fn open(server: &Server) -> EventStore {
    let connection = Connection::open(&server.url()).await.unwrap();
    EventStore::open(connection, Settings::default()).await.unwrap()
}

/// A command of its own.
pub(crate) fn command() -> Metadata {
    Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc())
}

/// The id of a jar.
pub(crate) fn jar(name: &str) -> String {
    name.to_owned()
}

/// Appends events to a jar, in one go for each thousand.
pub(crate) async fn fill(store: &EventStore, name: &str, mut events: usize) {
    while events > 0 {
        let some = vec![JarEvent::CoinsAdded { coins: 1 }; events.min(1000)];
        let (stand, metadata) = (store.load::<Jar>(&jar(name)).await.unwrap().stand(), command());
        let write = Write::new(EntityName::new("jar", name), stand, &some, &metadata).unwrap();
        store.append(&[write], &metadata).await.unwrap();
        events -= some.len();
    }
}

/// What the raw history folds to.
pub(crate) async fn folded(store: &EventStore, name: &str) -> (Jar, Version, Position) {
    let (events, _) = store.history::<Jar>(&jar(name), Version::START, usize::MAX).await.unwrap();
    let position = events.last().map_or(Position::START, |event| event.position);
    let version = Version::new(events.len() as u64);
    (Jar::fold(events.iter().map(|event| event.decode().unwrap())), version, position)
}
