//! Several servers as one broker, each with a throwaway folder and ports that it keeps: what tests of a replicated log
//! run on.
//!
//! What they say of each other is read from their monitoring endpoints; whether they take streams is tried out.

use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::server::{Options, Port, Server, for_test};
use crate::{Binary, CONFIG, LaunchError, config, monitoring, ports, probe};

/// How long they may take to find each other, or to find each other again.
const TO_FORM: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How often other ports are tried when somebody else was faster.
const TRIES: u32 = 5;

/// A cluster that is ready. Each server is started again when it dies, and is then found at the same port. Dropping
/// it kills them all.
#[derive(Debug)]
pub struct Cluster {
    // Before the folders that they write to.
    nodes: Vec<Server>,
    scratch: TempDir,
}

impl Cluster {
    /// Three servers for a test, as the shipped configuration has them.
    pub async fn throwaway() -> Result<Self, LaunchError> {
        Self::throwaway_of::<3>().await
    }

    /// So many servers for a test; [`Cluster::throwaway`] has as many as a replicated log needs.
    pub async fn throwaway_of<const COUNT: usize>() -> Result<Self, LaunchError> {
        let mut tries = 1;
        loop {
            let (binary, scratch) = for_test()?;
            match start::<COUNT>(&binary, &scratch).await {
                Ok(nodes) => {
                    let cluster = Self { nodes, scratch };
                    cluster.formed().await?;
                    cluster.places_streams().await?;
                    return Ok(cluster);
                }
                Err(LaunchError::Died { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The servers. Each can be killed, paused and resumed by itself.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// Where clients connect, each server after the other.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }

    /// Where clients connect, separated by commas.
    pub fn url(&self) -> String {
        self.urls().join(",")
    }

    /// The server that leads a stream now, by its own word; `None` while there is none.
    pub async fn leader_of(&self, stream: &str) -> Option<usize> {
        for (node, server) in self.nodes.iter().enumerate() {
            let says: Option<Says> =
                monitoring::ask(&server.monitoring_url(), "/jsz?accounts=true&streams=true").await;
            let accounts = says.map(|says| says.account_details).unwrap_or_default();
            let mut streams = accounts.into_iter().flat_map(|account| account.stream_detail);
            let leader = streams.find(|found| found.name == stream).and_then(|found| found.cluster?.leader);
            if leader == Some(name(node)) {
                return Some(node);
            }
        }
        None
    }

    /// Returns once all serve, and one of them leads, which the others follow closely.
    pub async fn formed(&self) -> Result<(), LaunchError> {
        self.in_time(async || self.is_formed().await).await
    }

    async fn places_streams(&self) -> Result<(), LaunchError> {
        let port = self.nodes.first().map(Server::port).unwrap_or_default();
        self.in_time(async || probe::places_streams(port, self.nodes.len()).await).await
    }

    async fn in_time(&self, holds: impl AsyncFn() -> bool) -> Result<(), LaunchError> {
        let deadline = Instant::now() + TO_FORM;
        while !holds().await {
            if Instant::now() >= deadline {
                return Err(LaunchError::NotReady {
                    log: self.scratch.path().into(),
                    seconds: TO_FORM.as_secs(),
                });
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    async fn is_formed(&self) -> bool {
        for (node, server) in self.nodes.iter().enumerate() {
            let says: Option<Says> = monitoring::ask(&server.monitoring_url(), "/jsz").await;
            let Some(meta) = says.and_then(|says| says.meta_cluster) else { continue };
            // Only the leader knows of the others how far they are.
            if meta.leader == Some(name(node)) {
                let current = meta.replicas.iter().filter(|replica| replica.current && !replica.offline);
                return meta.cluster_size == self.nodes.len() && current.count() + 1 == self.nodes.len();
            }
        }
        false
    }

    /// SIGTERM to all, then SIGKILL to who takes more than 10 s; returns once they are gone.
    pub async fn stop(self) {
        let mut stops: JoinSet<()> = self.nodes.into_iter().map(Server::stop).collect();
        while stops.join_next().await.is_some() {}
    }
}

/// What a server says, as far as it is asked here.
#[derive(Debug, Deserialize)]
struct Says {
    meta_cluster: Option<Group>,
    #[serde(default)]
    account_details: Vec<Account>,
}

#[derive(Debug, Deserialize)]
struct Group {
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<Replica>,
    #[serde(default)]
    cluster_size: usize,
}

#[derive(Debug, Deserialize)]
struct Replica {
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
}

#[derive(Debug, Deserialize)]
struct Account {
    #[serde(default)]
    stream_detail: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    name: String,
    cluster: Option<Group>,
}

/// All at once: none is ready for streams before the others are there.
async fn start<const COUNT: usize>(binary: &Binary, scratch: &TempDir) -> Result<Vec<Server>, LaunchError> {
    let (between, clients) = (ports::free::<COUNT>(), ports::free::<COUNT>());
    let mut starts = JoinSet::new();
    for node in 0..COUNT {
        let mut options = Options::new(binary.clone(), scratch.path().join(name(node)));
        options.config = config::for_node(CONFIG, &name(node), between[node], &between);
        options.port = Port::Preferred(clients[node]);
        starts.spawn(async move { (node, Server::beside_tests(options).await) });
    }
    let mut nodes = Vec::new();
    while let Some(started) = starts.join_next().await {
        let Ok((node, server)) = started else { continue };
        nodes.push((node, server?));
    }
    nodes.sort_by_key(|(node, _)| *node);
    Ok(nodes.into_iter().map(|(_, server)| server).collect())
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}
