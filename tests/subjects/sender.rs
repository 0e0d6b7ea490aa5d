//! Somebody with a NATS client and the contract, and nothing of this program.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, HeaderMap, Message};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// More than anything takes on a loaded machine.
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// Who sends.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    context: Context,
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    /// The code and the words of an error.
    pub(crate) error: Option<(u16, String)>,
    pub(crate) body: Value,
}

impl Sender {
    pub(crate) async fn to(nats: &str) -> Self {
        let client = async_nats::connect(nats).await.unwrap();
        Self { context: jetstream::new(client.clone()), client }
    }

    /// Puts a command on the queue, such as `stock.A-1.receive`; returns whether the broker took it for one that it has.
    pub(crate) async fn send(&self, command: &str, id: &str, body: &str) -> bool {
        self.publish(command, &[("Nats-Msg-Id", id)], body).await.unwrap().await.unwrap().duplicate
    }

    pub(crate) async fn publish(
        &self,
        command: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<PublishAckFuture, PublishError> {
        let headers = map(headers);
        self.context
            .publish_with_headers(format!("commands.{command}"), headers, body.to_owned().into())
            .await
    }

    /// The same command once more, and the queue has it: the broker knows an id for a moment only.
    pub(crate) async fn send_again(&self, command: &str, id: &str, body: &str) {
        let stream = self.context.get_stream("COMMANDS").await.unwrap();
        let mut config = stream.cached_info().config.clone();
        config.duplicate_window = Duration::from_millis(100);
        self.context.update_stream(config).await.unwrap();
        eventually("it is taken for a new one", async || (!self.send(command, id, body).await).then_some(()))
            .await;
    }

    /// Publishes to the log, as only a writer may.
    pub(crate) async fn append(&self, entity: &str, headers: &[(&'static str, &str)], body: &str) {
        let (subject, body) = (format!("append.{entity}"), body.to_owned());
        let sent = self.context.publish_with_headers(subject, map(headers), body.into()).await;
        sent.unwrap().await.unwrap();
    }

    /// Asks, and hears what became of it.
    pub(crate) async fn ask(&self, command: &str, id: Option<&str>, body: &str) -> Reply {
        let headers: Vec<_> = id.map(|id| ("Nats-Msg-Id", id)).into_iter().collect();
        self.try_ask(command, &headers, body).await.unwrap()
    }

    pub(crate) async fn try_ask(
        &self,
        command: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Reply, async_nats::RequestError> {
        let (subject, headers) = (format!("requests.{command}"), map(headers));
        let message = self.client.request_with_headers(subject, headers, body.to_owned().into()).await?;
        let header = |name: &str| Some(message.headers.as_ref()?.get(name)?.as_str().to_owned());
        let error = header("Nats-Service-Error-Code")
            .map(|code| (code.parse().unwrap(), header("Nats-Service-Error").unwrap()));
        Ok(Reply { error, body: serde_json::from_slice(&message.payload).unwrap() })
    }

    /// All that a stream holds on a subject.
    pub(crate) async fn stored(&self, stream: &str, subject: &str) -> Vec<Message> {
        let stream = self.context.get_stream(stream).await.unwrap();
        let config = pull::Config {
            filter_subject: subject.to_owned(),
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let waiting = usize::try_from(consumer.cached_info().num_pending).unwrap();
        let messages = consumer.messages().await.unwrap().take(waiting);
        messages.map(|message| message.unwrap().message).collect().await
    }

    /// The events of an entity, such as `stock.A-1`: each its type and its data.
    pub(crate) async fn events(&self, entity: &str) -> Vec<(String, Value)> {
        let stored = self.stored("EVENTS", &format!("events.{entity}")).await;
        let event = |message: &Message| (header(message, "ce-type").unwrap(), data(message));
        stored.iter().map(event).collect()
    }

    /// The types of the events of an entity.
    pub(crate) async fn types(&self, entity: &str) -> Vec<String> {
        self.events(entity).await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// How many messages a stream holds.
    pub(crate) async fn length(&self, stream: &str) -> u64 {
        self.context.get_stream(stream).await.unwrap().cached_info().state.messages
    }

    /// Returns once every command on the queue was acknowledged.
    pub(crate) async fn all_done(&self) {
        eventually("the queue is empty", async || (self.length("COMMANDS").await == 0).then_some(())).await;
    }

    /// What was put aside of one command.
    pub(crate) async fn aside(&self, command: &str) -> Vec<Message> {
        self.stored("REJECTED", &format!("rejected.{command}")).await
    }

    /// A placed order of a new user, which is all that there is of both; returns their ids.
    pub(crate) async fn order(&self) -> (String, String) {
        let user = self.user().await;
        let order = Uuid::now_v7().to_string();
        let body = json!({"user_id": user, "lines": [{"sku": "tea", "quantity": 1, "unit_price": 5}]});
        let reply = self.ask(&format!("order.{order}.place"), None, &body.to_string()).await;
        assert_eq!(reply.error, None, "{reply:?}");
        (user, order)
    }

    pub(crate) async fn user(&self) -> String {
        let user = Uuid::now_v7().to_string();
        let body = json!({"name": "Ann", "email": format!("{user}@example.com")});
        let reply = self.ask(&format!("user.{user}.register"), None, &body.to_string()).await;
        assert_eq!(reply.error, None, "{reply:?}");
        user
    }
}

fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    map
}

pub(crate) fn header(message: &Message, name: &str) -> Option<String> {
    Some(message.headers.as_ref()?.get(name)?.as_str().to_owned())
}

pub(crate) fn data(message: &Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {LONG:?}");
        sleep(Duration::from_millis(5)).await;
    }
}
