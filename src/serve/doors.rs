//! The role `api`: the listener, taken before anything else starts, the API behind it, and commands on subjects.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use command_api::{Acknowledged, Api, Requests, Tokens, Turns, inbox};
use domain::ClaimKey;
use event_store::EventStore;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Views;
use tokio::net::TcpListener;

use super::roles::Roles;
use crate::exit::{Exit, Failure};
use crate::settings::Serve;

/// The name under which the broker keeps the key of e-mail claims.
pub(crate) const CLAIM_KEY: &str = "email-claim-key";

/// Where the API will be served. Who connects before that waits.
#[derive(Debug)]
pub(crate) struct Doors {
    listener: TcpListener,
    address: SocketAddr,
    tokens: Option<Tokens>,
}

impl Doors {
    /// Takes the address, and reads who may call.
    pub(crate) async fn bind(settings: &Serve) -> Result<Self, Failure> {
        let addresses = settings.addresses()?;
        let tokens = settings.token_file.as_deref().map(tokens).transpose()?;
        let cannot = |error| {
            let line = format!(
                "--listen {} cannot be had: choose another; port 0 takes a free one",
                settings.listen
            );
            Failure::because(Exit::Usage, line, error)
        };
        let listener = TcpListener::bind(&addresses[..]).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { listener, address, tokens })
    }

    /// Where callers on this machine connect.
    pub(crate) fn url(&self) -> String {
        let ip = match self.address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether callers need a token.
    pub(crate) fn need_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Serves the API from here on, and takes commands from subjects.
    pub(crate) async fn open(
        self,
        roles: &mut Roles,
        store: &EventStore,
        views: Views,
        metrics: PrometheusHandle,
    ) -> Result<(), Failure> {
        let claim_key = ClaimKey::from(store.shared_secret(CLAIM_KEY).await?);
        let (tokens, acknowledged, turns) = (self.tokens, Acknowledged::default(), Turns::default());
        let (leaving, ending) = (roles.leaving(), roles.stop_doors());
        let store = store.clone();
        let api = Api { store, views, claim_key, tokens, metrics, acknowledged, turns, leaving, ending };
        let requests = Requests::open(api.clone()).await?;
        roles.door("requests", requests.run());
        roles.door("inbox", inbox::run(api.clone()));
        roles.door("api", command_api::run(self.listener, api));
        Ok(())
    }
}

fn tokens(path: &Path) -> Result<Tokens, Failure> {
    let file = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::because(Exit::Usage, format!("--token-file {file} cannot be read"), error)
    })?;
    Tokens::parse(&text)
        .map_err(|error| Failure::because(Exit::Usage, format!("--token-file {file} cannot be used"), error))
}
