//! The connection to the broker, and what it must be before the log may rely on it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::error::{Cause, StoreError};

mod access;
mod durability;

pub use access::Access;

/// The oldest broker that can do what the log needs.
pub const OLDEST_BROKER: (i64, i64) = (2, 15);

/// A connection that reconnects by itself, for ever.
#[derive(Debug, Clone)]
pub struct Connection {
    client: async_nats::Client,
    /// Where to, and as whom.
    origin: Arc<(String, Access)>,
    /// How often a connection was made; readers begin anew when it rises.
    made: watch::Receiver<u64>,
    /// What this user was last refused.
    denied: Arc<Mutex<Option<String>>>,
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
    /// It does not let this user in.
    #[error("the NATS server at {url} does not let us in: {reason}")]
    NotLetIn {
        /// Where.
        url: String,
        /// Why, and what to do.
        reason: String,
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

/// How long a broker may take to answer.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// How long several servers may be without a leader: longer than an election takes.
pub(crate) const TO_ELECT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

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

/// What the servers of the broker tell of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// How many there are, by their own word.
    pub of: usize,
    /// How many have told.
    pub told: usize,
    /// How many of those acknowledge before they have synced.
    pub lazy: usize,
    /// What each stores that has told.
    pub storage: Vec<Storage>,
}

/// What one server stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Its name.
    pub server: String,
    /// On its disk, in bytes.
    pub bytes: u64,
    /// The most that it may store, in bytes.
    pub limit: Option<u64>,
}

impl Connection {
    /// Connects to a server, or to one of several whose URLs are separated by commas, and checks version and JetStream.
    ///
    /// # Errors
    /// [`ConnectError`], when nobody answers within five seconds or the broker is not fit; when several servers find no
    /// leader within ten.
    pub async fn open(urls: &str) -> Result<Self, ConnectError> {
        Self::open_as(urls, &Access::default()).await
    }

    /// [`Connection::open`], for a broker that wants to know who asks.
    ///
    /// # Errors
    /// As [`Connection::open`], and [`ConnectError::NotLetIn`].
    pub async fn open_as(urls: &str, access: &Access) -> Result<Self, ConnectError> {
        let servers: Vec<&str> = urls.split(',').map(str::trim).collect();
        let (count, made) = watch::channel(0);
        let denied = Arc::new(Mutex::new(None));
        let refused = Arc::clone(&denied);
        let client = access
            .options(&servers)
            .await
            .map_err(|reason| ConnectError::NotLetIn { url: urls.to_owned(), reason })?
            .name("jetsource")
            .connection_timeout(TO_ANSWER)
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
                if let async_nats::Event::ServerError(error) = &event
                    && let Some(what) = access::denied(error)
                {
                    tracing::warn!(what, "the broker does not let this user do that");
                    *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
                }
                tracing::debug!(%event, "broker connection");
                std::future::ready(())
            })
            .connect(servers)
            .await
            .map_err(|error| no_connection(urls, error))?;
        let origin = Arc::new((urls.to_owned(), access.clone()));
        let connection = Self { client, origin, made, denied };
        connection.check().await?;
        Ok(connection)
    }

    /// Another connection to the same broker, as the same user.
    ///
    /// # Errors
    /// As [`Connection::open_as`].
    pub async fn another(&self) -> Result<Self, ConnectError> {
        let (urls, access) = self.origin.as_ref();
        Self::open_as(urls, access).await
    }

    async fn check(&self) -> Result<(), ConnectError> {
        let found = self.client.server_info().version;
        if !self.client.is_server_compatible(OLDEST_BROKER.0, OLDEST_BROKER.1, 0) {
            return Err(ConnectError::TooOld { found });
        }
        let context = async_nats::jetstream::new(self.client.clone());
        let deadline = Instant::now() + TO_ELECT;
        while let Err(error) = context.query_account().await {
            // Of several servers none may lead just now.
            if !self.is_cluster() || Instant::now() + PAUSE >= deadline {
                return Err(ConnectError::NoJetStream(error.into()));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// What this user was last refused, in the broker's words; its requests are never answered then.
    pub(crate) fn denied(&self) -> Option<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the broker is several servers.
    pub(crate) fn is_cluster(&self) -> bool {
        self.client.server_info().cluster.is_some()
    }

    /// On how many servers a stream is to be: three where the broker is several, else one.
    pub fn replicas(&self) -> usize {
        if self.is_cluster() { 3 } else { 1 }
    }

    /// Asks the broker how it writes, on a subject that `deploy/nats.conf` lets the account ask. Of several servers
    /// each is asked: all who answer must sync, and more than half of all must answer.
    pub async fn durability(&self) -> Durability {
        durability::ask(&self.client).await
    }

    /// Asks each server how it syncs and how much it stores, where [`Connection::durability`] asks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nobody answers there.
    pub async fn servers(&self) -> Result<Servers, StoreError> {
        durability::servers(&self.client).await.map_err(StoreError::away)
    }

    /// The NATS client.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Whether the broker is connected just now.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How many connections were made, this one included; known before anything is sent on it.
    pub(crate) fn number(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// The process that is connected now: another one whenever a server was started anew.
    pub(crate) async fn server_process(&self) -> Result<String, StoreError> {
        // What the client knows of the server follows the connection; before the next write it is there.
        self.client.flush().await.map_err(StoreError::away)?;
        Ok(self.client.server_info().server_id)
    }

    /// Rises with every connection that is made.
    pub(crate) fn made(&self) -> watch::Receiver<u64> {
        self.made.clone()
    }
}

fn no_connection(urls: &str, error: async_nats::ConnectError) -> ConnectError {
    use async_nats::ConnectErrorKind::{
        Authentication, AuthorizationViolation, Dns, Io, MaxReconnects, ServerParse, TimedOut, Tls,
    };
    let url = urls.to_owned();
    let reason = match error.kind() {
        Authentication | AuthorizationViolation => {
            "it knows no such user: put user and password into --nats-url, or name --nats-creds".to_owned()
        }
        Tls => format!("{error}: name the certificate authority that signed its certificate with --nats-ca"),
        ServerParse | Dns | TimedOut | Io | MaxReconnects => {
            return ConnectError::NoAnswer { url, source: error.into() };
        }
    };
    ConnectError::NotLetIn { url, reason }
}
