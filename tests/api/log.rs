//! A writer and reader of the log beside the program: what a saga, a newer program or a foreign hand does there.

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::client::Api;

#[derive(Debug)]
pub(crate) struct Log(Context);

impl Log {
    pub(crate) async fn of(api: &Api) -> Self {
        // A broker that has just died is soon back.
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        Self(jetstream::new(options.connect(api.program.nats()).await.unwrap()))
    }

    /// Appends an event with its whole envelope; the position it got.
    pub(crate) async fn append(
        &self,
        entity: (&str, &str),
        event_type: &str,
        version: u64,
        data: &Value,
    ) -> u64 {
        let (category, id) = entity;
        let event = Uuid::now_v7().to_string();
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("Nats-Msg-Id", event.as_str()),
            ("ce-id", &event),
            ("ce-specversion", "1.0"),
            ("ce-source", "/jetsource"),
            ("ce-type", event_type),
            ("ce-subject", &format!("{category}/{id}")),
            ("ce-time", &now),
            ("ce-datacontenttype", "application/json"),
            ("ce-entityversion", &version.to_string()),
            ("ce-causationid", &event),
            ("ce-correlationid", &event),
        ] {
            headers.insert(name, value);
        }
        self.write(category, id, headers, &data.to_string()).await
    }

    /// Appends what is no event at all.
    pub(crate) async fn scrawl(&self, category: &str, id: &str) -> u64 {
        self.write(category, id, HeaderMap::new(), "scrawl").await
    }

    async fn write(&self, category: &str, id: &str, headers: HeaderMap, body: &str) -> u64 {
        let subject = format!("append.{category}.{id}");
        let sent = self.0.publish_with_headers(subject, headers, body.to_owned().into()).await.unwrap();
        sent.await.unwrap().sequence
    }

    /// The headers of the last message about something.
    pub(crate) async fn last_headers(&self, category: &str, id: &str) -> HeaderMap {
        let stream = self.0.get_stream("EVENTS").await.unwrap();
        let subject = format!("events.{category}.{id}");
        stream.get_last_raw_message_by_subject(&subject).await.unwrap().headers
    }

    /// The order is confirmed, as its checkout does in the end; the order's version is then one more.
    pub(crate) async fn confirm(&self, order: &Value) {
        let (id, version) = (order["id"].as_str().unwrap(), order["version"].as_u64().unwrap());
        let data = serde_json::json!({"user_id": order["user_id"]});
        self.append(("order", id), "order-confirmed", version + 1, &data).await;
    }
}
