//! The broker that the roles work on: a child of ours, or one that runs already; never one that may lose what it
//! acknowledged, unless told so.

use std::path::Path;

use command_api::inbox::CATEGORIES;
use event_store::{Durability, EventStore, Settings};
use nats_launcher::{Options, Port, Server, find};

use crate::endpoints::without_password;
use crate::exit::Failure;
use crate::settings::{Role, Serve, Staging};

/// A broker that the log may rely on, with the log opened.
#[derive(Debug)]
pub(crate) struct Broker {
    server: Option<Server>,
    url: String,
    durability: Durability,
    store: EventStore,
}

impl Broker {
    /// Starts or finds it, and refuses it when it is not fit.
    pub(crate) async fn start(settings: &Serve, data_dir: &Path) -> Result<Self, Failure> {
        let server = match settings.nats_url {
            Some(_) => None,
            None => Some(child(settings, data_dir).await?),
        };
        let url = match (&server, &settings.nats_url) {
            (Some(server), _) => server.url(),
            (None, url) => url.clone().unwrap_or_default(),
        };
        let connection = settings.access.connect(&url).await?;
        let durability = connection.durability().await;
        if !settings.allow_lazy_sync {
            trust(&durability, &url)?;
        }
        let open = Settings {
            key_retention: settings.key_retention,
            remembered_entities: settings.state_cache,
            staging: match settings.staging {
                Staging::Disk => event_store::Staging::Disk,
                Staging::Memory => event_store::Staging::Memory,
            },
            ..Settings::default()
        };
        let writes = settings.runs(Role::Api) || settings.runs(Role::Sagas);
        let store = if writes {
            EventStore::open(connection, open).await?
        } else {
            EventStore::open_to_read(connection, open).await?
        };
        if settings.runs(Role::Api) {
            store.open_queue(&CATEGORIES).await?;
        }
        if let Some(server) = &server {
            server.stage().await;
        }
        Ok(Self { server, url, durability, store })
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is a child of ours.
    pub(crate) fn is_child(&self) -> bool {
        self.server.is_some()
    }

    /// How it writes before it acknowledges.
    pub(crate) fn durability(&self) -> &Durability {
        &self.durability
    }

    /// Where it gathers batches, as far as that can be told: where it runs elsewhere, only its operator can.
    pub(crate) fn staging(&self) -> Option<nats_launcher::Staging> {
        self.server.as_ref().map(Server::staging)
    }

    /// The log.
    pub(crate) fn store(&self) -> &EventStore {
        &self.store
    }

    /// How often the child died and was started again, as it changes.
    pub(crate) fn restarts(&self) -> impl Fn() -> u64 + Send + use<> {
        let status = self.server.as_ref().map(Server::status);
        move || status.as_ref().map_or(0, |status| status.borrow().restarts)
    }

    /// Ends the child, if there is one; returns once it is gone.
    pub(crate) async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

async fn child(settings: &Serve, data_dir: &Path) -> Result<Server, Failure> {
    let binary = find(settings.nats_server.as_deref(), &[data_dir.to_owned()])?;
    tracing::debug!(path = %binary.path().display(), version = binary.version(), "starting nats-server");
    let mut options = Options::new(binary, data_dir.join("nats"));
    if settings.nats_port != 0 {
        options.port = Port::Preferred(settings.nats_port);
    }
    if settings.staging == Staging::Memory {
        options.staging = nats_launcher::Staging::memory();
    }
    Ok(Server::start(options).await?)
}

fn trust(durability: &Durability, url: &str) -> Result<(), Failure> {
    let url = without_password(url);
    match durability {
        Durability::EveryAckSynced => Ok(()),
        Durability::Lazy => Err(Failure::setting(format!(
            "the broker at {url} acknowledges before it has synced, a power cut loses what it acknowledged: set \
             `sync_interval: always` in its jetstream block, or take the risk with --allow-lazy-sync"
        ))),
        Durability::Unknown(reason) => Err(Failure::setting(format!(
            "the broker at {url} does not tell whether it syncs each acknowledgement ({reason}): let its account \
             import $SYS.REQ.SERVER.PING.JSZ as deploy/nats.conf does, or take the risk with --allow-lazy-sync"
        ))),
    }
}
