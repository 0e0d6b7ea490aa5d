//! Connections: a pool for lists and one for workers, so that neither waits for the other. One that broke is made anew.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{MAKE_ROOM, ViewError, line};

/// How long a connection may take to be had.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so long without an answer the server counts as gone.
const GONE: Duration = Duration::from_secs(10);
/// Lists that read at once; the others wait for one of them to end.
const LISTS: usize = 8;
/// What workers do at once: each view writes one batch, and drops one table.
const WORKERS: usize = 16;

/// Of one that reads.
const READS: &str = "SET search_path = jetsource_views; SET default_transaction_read_only = on";
/// Of one that writes. A process that stands still in the middle of a transaction must not keep others from taking the
/// view over, so the server ends that transaction.
const WRITES: &str = "SET search_path = jetsource_views; SET synchronous_commit = off;
                      SET idle_in_transaction_session_timeout = '2s'; SET lock_timeout = '5s'";

pub(super) fn lists(config: &Config) -> Result<Pool, ViewError> {
    pool(config, LISTS, READS)
}

pub(super) fn workers(config: &Config) -> Result<Pool, ViewError> {
    pool(config, WORKERS, WRITES)
}

/// One connection that reads, of which nobody else knows.
pub(super) fn alone(config: &Config) -> Result<Pool, ViewError> {
    pool(config, 1, READS)
}

fn pool(config: &Config, most: usize, session: &'static str) -> Result<Pool, ViewError> {
    let config = &patient(config);
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = if config.get_ssl_mode() == SslMode::Require {
        Manager::from_config(config.clone(), tls().map_err(|error| cannot_open(config, error))?, recycling)
    } else {
        let mut plain = config.clone();
        plain.ssl_mode(SslMode::Disable);
        Manager::from_config(plain, NoTls, recycling)
    };
    let begin = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move { client.batch_execute(session).await.map_err(HookError::Backend) })
    });
    let pool = Pool::builder(manager)
        .max_size(most)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .recycle_timeout(Some(PATIENCE))
        .post_create(begin)
        .build();
    pool.map_err(|error| ViewError::Home(error.into()))
}

/// What the URL leaves open is set so that a server which is gone is noticed.
fn patient(config: &Config) -> Config {
    let mut config = config.clone();
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(GONE);
    }
    if config.get_application_name().is_none() {
        config.application_name("jetsource");
    }
    config
}

/// TLS with the certificates that this machine trusts.
fn tls() -> Result<MakeRustlsConnect, ViewError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ViewError::Home(error.into()))?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// The server does not answer, or does not let us in.
pub(super) fn cannot_open(config: &Config, error: ViewError) -> ViewError {
    let ViewError::Home(source) = error else { return error };
    let at = shown(config);
    let answered =
        source.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| error.as_db_error().is_some());
    if answered { ViewError::Open { at, source } } else { ViewError::Unreachable { at, source } }
}

/// Where it is, without a password.
pub(crate) fn shown(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgres://{user}{host}:{port}/{database}")
}

impl From<tokio_postgres::Error> for ViewError {
    fn from(error: tokio_postgres::Error) -> Self {
        if error.code() == Some(&SqlState::DISK_FULL) {
            return Self::Home(format!("{}: {MAKE_ROOM}", line(&error)).into());
        }
        Self::Home(error.into())
    }
}

impl From<PoolError> for ViewError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(_) => Self::Home("the server does not answer in time".into()),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Self::Home(error.into())
            }
        }
    }
}
