//! What a command stands on: a bare axum handler, the event store, and JetStream itself.

use std::process::Stdio;
use std::time::Duration;

use nats_launcher::Server;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::measure::{self, Found};

/// Appends to the event store, on a server of their own.
pub(crate) struct Store {
    _server: Server,
    store: event_store::EventStore,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Noted {
    NoteTaken { text: String },
}

impl event_model::Event for Noted {
    const TYPES: &'static [&'static str] = &["note-taken"];

    fn event_type(&self) -> &'static str {
        "note-taken"
    }
}

impl Store {
    pub(crate) async fn start() -> Self {
        let server = Server::throwaway().await.unwrap();
        let connection = event_store::Connection::open(&server.url()).await.unwrap();
        let store =
            event_store::EventStore::open(connection, event_store::Settings::default()).await.unwrap();
        Self { _server: server, store }
    }

    pub(crate) async fn appends(&self, writers: usize, time: Duration) -> Found {
        let store = self.store.clone();
        measure::writers(writers, time, move || {
            let store = store.clone();
            async move {
                let id = Uuid::now_v7();
                let metadata = event_model::Metadata::first(id, time::OffsetDateTime::now_utc());
                let entity = event_model::EntityName::new("note", id);
                let events = [Noted::NoteTaken { text: "x".repeat(238) }];
                let stand = event_store::Stand::default();
                let write = event_store::Write::new(entity, stand, &events, &metadata).unwrap();
                store.append(&[write], &metadata).await.unwrap();
            }
        })
        .await
    }
}

/// Publishes of an event like an order's, on a server of their own that syncs always.
pub(crate) struct Raw {
    _server: Server,
    context: async_nats::jetstream::Context,
}

impl Raw {
    pub(crate) async fn start() -> Self {
        let server = Server::throwaway().await.unwrap();
        let client = async_nats::connect(server.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let config = async_nats::jetstream::stream::Config {
            name: "RAW".into(),
            subjects: vec!["raw.>".into()],
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
        Self { _server: server, context }
    }

    pub(crate) async fn publishes(&self, writers: usize, time: Duration) -> Found {
        let context = self.context.clone();
        measure::writers(writers, time, move || {
            let context = context.clone();
            async move {
                let id = Uuid::now_v7();
                let message = async_nats::jetstream::message::PublishMessage::build()
                    .message_id(id.to_string())
                    .expected_last_subject_sequence(0)
                    .header("ce-attributes", "x".repeat(460))
                    .payload("x".repeat(250).into());
                context.send_publish(format!("raw.order.{id}"), message).await.unwrap().await.unwrap();
            }
        })
        .await
    }
}

pub(crate) async fn start_bare_handler() -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--bare-handler")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).await.unwrap();
    (child, address.trim().to_owned())
}

/// What HTTP alone costs: the same request, read and answered.
pub(crate) async fn bare_handler() {
    let app = axum::Router::new().route("/orders", axum::routing::post(async |body: String| body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, app).await.unwrap();
}
