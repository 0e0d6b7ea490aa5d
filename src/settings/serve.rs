//! The settings of `serve`, and which of them cannot work.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use domain::Participant;
use projections::HomeAddress;

use super::{BrokerAccess, duration, views_home};
use crate::exit::{Exit, Failure};

/// How `serve` runs.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which roles to run
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "ROLE,…",
        default_value = "api,projections,sagas"
    )]
    pub(crate) role: Vec<Role>,
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// A broker that runs already; without it, one is started as a child with its store in the data folder
    #[arg(long, value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    #[command(flatten)]
    pub(crate) access: BrokerAccess,
    /// The nats-server to start [default: PATH, then .nats/ in the checkout, then the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) nats_server: Option<PathBuf>,
    /// The port of the broker that is started; a free one when it is taken; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 4222)]
    pub(crate) nats_port: u16,
    /// The folder of all that is kept
    #[arg(long, value_name = "FOLDER", default_value = "./jetsource-data")]
    pub(crate) data_dir: PathBuf,
    /// The home of the read models: sqlite:PATH or postgres://… [default: views.sqlite in the data folder]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    /// Who may call: bearer tokens, a line `name token` each
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let anybody call, also from other machines
    #[arg(long, value_parser = FalseyValueParser::new())]
    insecure: bool,
    /// Run on a broker that acknowledges before it has synced
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub(crate) allow_lazy_sync: bool,
    /// Where the broker that is started gathers a batch before it stores it
    #[arg(long, value_enum, value_name = "PLACE", default_value_t = Staging::Disk)]
    pub(crate) staging: Staging,
    /// How long an idempotency key counts
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration::parse)]
    pub(crate) key_retention: Duration,
    /// How many entities are remembered, so that a hot one is decided without reading the log
    #[arg(long, value_name = "ENTITIES", default_value_t = 100_000)]
    pub(crate) state_cache: u64,
    /// The currency of every amount
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    pub(crate) currency: String,
    /// How long a checkout may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub(crate) checkout_deadline: Duration,
    /// External participants of a checkout, which answer on subjects of their own, such as payment
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) checkout_participants: Vec<Participant>,
    /// Where traces go: the base of an OTLP/HTTP collector [default: nowhere, or what OpenTelemetry's own variable names]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Where `/metrics` answers besides the API: for a process without the role api; not for the world
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics_listen: Option<String>,
    /// How long to go on once the end is asked for, while /readyz sends load balancers elsewhere; a second signal cuts it short
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration::parse)]
    pub(crate) drain: Duration,
    /// A file to put in place once everything serves, like serve.json in the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// A part of the backend that can run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The HTTP API.
    Api,
    /// The workers of the read models.
    Projections,
    /// The workers of the sagas.
    Sagas,
}

/// Where the broker gathers a batch before it stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Staging {
    /// On disk.
    Disk,
    /// In memory: faster; what a power cut leaves half written is settled at the next start.
    Memory,
}

impl Serve {
    /// Whether this role runs.
    pub(crate) fn runs(&self, role: Role) -> bool {
        self.role.contains(&role)
    }

    /// Refuses what cannot work, or not yet.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let refused = |line: &str| Err(Failure::setting(line));
        if self.staging == Staging::Memory && self.nats_url.is_some() {
            return refused(
                "--staging memory is for the broker that is started here, and --nats-url names one that is its \
                 operator's business: leave one of them out",
            );
        }
        if self.checkout_deadline.is_zero() {
            return refused("--checkout-deadline leaves no time for any answer: give it at least 1s");
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return refused("--currency must be an ISO 4217 code: three capital letters, such as EUR");
        }
        if self.key_retention < Duration::from_secs(1) {
            return refused("--key-retention is too short for any repetition: give it at least 1s");
        }
        Ok(())
    }

    /// The home of the read models.
    pub(crate) fn views(&self, data_dir: &Path) -> Result<HomeAddress, Failure> {
        views_home(self.views.as_deref(), data_dir)
    }

    /// The addresses to listen on; beyond this machine only with tokens, or when told that anybody may call.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let listen = &self.listen;
        let resolved = listen.to_socket_addrs().map_err(|error| {
            let line = format!("--listen {listen} is no address: write HOST:PORT, such as 127.0.0.1:8080");
            Failure::because(Exit::Usage, line, error)
        })?;
        let addresses: Vec<SocketAddr> = resolved.collect();
        let open = self.token_file.is_none() && !self.insecure;
        if open && addresses.iter().any(|address| !address.ip().is_loopback()) {
            return Err(Failure::setting(format!(
                "--listen {listen} lets other machines call without a token: add --token-file FILE, or --insecure \
                 if anybody may"
            )));
        }
        Ok(addresses)
    }
}
