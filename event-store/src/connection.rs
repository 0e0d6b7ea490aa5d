//! The connection to the broker, and what it must be before the log may rely on it.

use std::time::Duration;

use async_nats::connection::State;
use serde::Deserialize;
use tokio::sync::watch;

use crate::error::Cause;

/// The oldest broker that can do what the log needs.
pub const OLDEST_BROKER: (i64, i64) = (2, 15);

/// A connection that reconnects by itself, for ever.
#[derive(Debug, Clone)]
pub struct Connection {
    client: async_nats::Client,
    /// How often a connection was made; readers begin anew when it rises.
    made: watch::Receiver<u64>,
}

/// Why there is no broker to rely on.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("no NATS server answers at {url}")]
    NoAnswer {
        /// Where it was looked for.
        url: String,
        /// What the attempt ended in.
        #[source]
        source: Cause,
    },
    /// It is older than 2.15.
    #[error("the NATS server is {found}; at least 2.15 is needed: upgrade it")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// It has no JetStream for this account.
    #[error("the NATS server has no JetStream for this account: enable it, as deploy/nats.conf does")]
    NoJetStream(#[source] Cause),
}

/// How the broker writes before it acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// Every acknowledgement is behind an fsync.
    EveryAckSynced,
    /// Synced now and then: a power cut loses what was acknowledged.
    Lazy,
    /// The broker would not say.
    Unknown(String),
}

impl Connection {
    /// Connects, and checks version and JetStream.
    ///
    /// # Errors
    /// [`ConnectError`], when nobody answers within five seconds or the broker is not fit.
    pub async fn open(url: &str) -> Result<Self, ConnectError> {
        let (count, made) = watch::channel(0);
        let client = async_nats::ConnectOptions::new()
            .name("jetsource")
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(Duration::from_secs(2)))
            .ping_interval(Duration::from_secs(5))
            .subscription_capacity(1 << 16)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(u64::try_from(attempts.saturating_mul(50)).unwrap_or(500).min(500))
            })
            .event_callback(move |event| {
                if matches!(event, async_nats::Event::Connected) {
                    count.send_modify(|count| *count += 1);
                }
                tracing::debug!(%event, "broker connection");
                std::future::ready(())
            })
            .connect(url)
            .await
            .map_err(|source| ConnectError::NoAnswer { url: url.to_owned(), source: source.into() })?;
        let connection = Self { client, made };
        connection.check().await?;
        Ok(connection)
    }

    async fn check(&self) -> Result<(), ConnectError> {
        let found = self.client.server_info().version;
        if !self.client.is_server_compatible(OLDEST_BROKER.0, OLDEST_BROKER.1, 0) {
            return Err(ConnectError::TooOld { found });
        }
        let context = async_nats::jetstream::new(self.client.clone());
        context.query_account().await.map_err(|error| ConnectError::NoJetStream(error.into()))?;
        Ok(())
    }

    /// Asks the broker how it writes, on a subject that `deploy/nats.conf` lets the account ask.
    pub async fn durability(&self) -> Durability {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            #[serde(default)]
            config: Option<Config>,
        }
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            sync_always: bool,
        }
        let reply = self.client.request("$SYS.REQ.SERVER.PING.JSZ", r#"{"config":true}"#.into()).await;
        let answer = match reply {
            Ok(reply) => serde_json::from_slice::<Answer>(&reply.payload),
            Err(error) => return Durability::Unknown(error.to_string()),
        };
        match answer.map(|answer| answer.data.config) {
            Ok(Some(Config { sync_always: true })) => Durability::EveryAckSynced,
            Ok(Some(Config { sync_always: false })) => Durability::Lazy,
            Ok(None) => Durability::Unknown("its answer holds no configuration".into()),
            Err(error) => Durability::Unknown(error.to_string()),
        }
    }

    /// The NATS client.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Whether the broker is connected just now.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Rises with every connection that is made.
    pub(crate) fn made(&self) -> watch::Receiver<u64> {
        self.made.clone()
    }
}
