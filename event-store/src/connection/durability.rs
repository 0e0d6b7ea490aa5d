//! How the broker writes, by the word of each of its servers.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{Durability, Servers, Storage};
use crate::error::Cause;

/// Where each server tells of its JetStream.
const SUBJECT: &str = "$SYS.REQ.SERVER.PING.JSZ";
/// How long the first answer may take, and then all others.
const TO_ANSWER: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Answer {
    server: Server,
    data: Data,
}

#[derive(Deserialize)]
struct Server {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Data {
    /// It has no JetStream, so nothing is stored on it.
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    config: Option<Config>,
    #[serde(default)]
    meta_cluster: Option<Cluster>,
    /// What it stores, in bytes.
    #[serde(default)]
    storage: u64,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
    /// In bytes; negative where there is no limit.
    #[serde(default)]
    max_storage: i64,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(default)]
    cluster_size: usize,
}

/// What the servers have said.
#[derive(Default)]
struct Said {
    /// By the id of the server: whether it syncs each acknowledgement, and what it stores.
    told: HashMap<String, (bool, Storage)>,
    servers: usize,
}

pub(super) async fn ask(client: &Client) -> Durability {
    match gather(client).await {
        Ok(said) => said.verdict(),
        Err(error) => Durability::Unknown(error.to_string()),
    }
}

pub(super) async fn servers(client: &Client) -> Result<Servers, Cause> {
    let said = gather(client).await?;
    if said.told.is_empty() { Err("no server answers".into()) } else { Ok(said.servers()) }
}

/// Listens until all have answered, or time is up.
async fn gather(client: &Client) -> Result<Said, Cause> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    client.publish_with_reply(SUBJECT, inbox, r#"{"config":true}"#.into()).await?;
    let mut said = Said { servers: 1, ..Said::default() };
    let deadline = Instant::now() + TO_ANSWER;
    while said.told.len() < said.servers
        && let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await
    {
        if answer.status.is_some() {
            return Err("no server listens there".into());
        }
        said.hear(serde_json::from_slice(&answer.payload)?)?;
    }
    Ok(said)
}

impl Said {
    fn hear(&mut self, answer: Answer) -> Result<(), Cause> {
        let Data { disabled, config, meta_cluster, storage } = answer.data;
        self.servers = self.servers.max(meta_cluster.map_or(1, |cluster| cluster.cluster_size));
        if !disabled {
            let config = config.ok_or("an answer holds no configuration")?;
            let limit = u64::try_from(config.max_storage).ok();
            let storage = Storage { server: answer.server.name, bytes: storage, limit };
            self.told.insert(answer.server.id, (config.sync_always, storage));
        }
        Ok(())
    }

    fn servers(self) -> Servers {
        let (of, told) = (self.servers, self.told.len());
        let lazy = self.told.values().filter(|(syncs, _)| !syncs).count();
        Servers { of, told, lazy, storage: self.told.into_values().map(|(_, storage)| storage).collect() }
    }

    /// A server that is away just now is no reason to refuse the others.
    fn verdict(&self) -> Durability {
        if self.told.values().any(|(syncs, _)| !syncs) {
            return Durability::Lazy;
        }
        let (told, of) = (self.told.len(), self.servers);
        if told * 2 <= of {
            return Durability::Unknown(format!("{told} of {of} servers told"));
        }
        if told < of {
            tracing::warn!(told, of, "some servers are away and did not tell how they sync");
        }
        Durability::EveryAckSynced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answers: &[(&str, bool)]) -> Said {
        let mut said = Said { servers: 1, ..Said::default() };
        for (id, syncs) in answers {
            let answer = format!(
                r#"{{"server":{{"id":"{id}","name":"n-{id}"}},"data":{{"storage":7,
                "config":{{"sync_always":{syncs},"max_storage":10}},"meta_cluster":{{"cluster_size":3}}}}}}"#
            );
            said.hear(serde_json::from_str(&answer).unwrap()).unwrap();
        }
        said
    }

    #[test]
    fn one_lazy_server_makes_all_of_it_lazy() {
        assert_eq!(said(&[("a", true), ("b", true), ("c", true)]).verdict(), Durability::EveryAckSynced);
        assert_eq!(said(&[("a", true), ("b", true), ("c", false)]).verdict(), Durability::Lazy);
        assert_eq!(said(&[("a", false)]).verdict(), Durability::Lazy);
    }

    #[test]
    fn the_word_of_a_few_is_not_the_word_of_all() {
        assert_eq!(said(&[("a", true), ("b", true)]).verdict(), Durability::EveryAckSynced);
        for few in [said(&[("a", true)]), said(&[("a", true), ("a", true)])] {
            assert_eq!(few.verdict(), Durability::Unknown("1 of 3 servers told".into()));
        }
    }
    #[test]
    fn each_server_is_counted_once_with_what_it_stores() {
        let servers = said(&[("a", true), ("b", false), ("b", false)]).servers();
        assert_eq!((servers.of, servers.told, servers.lazy), (3, 2, 1));
        let mut storage = servers.storage;
        storage.sort_by(|one, other| one.server.cmp(&other.server));
        let seven = |server: &str| Storage { server: server.into(), bytes: 7, limit: Some(10) };
        assert_eq!(storage, [seven("n-a"), seven("n-b")]);
    }
}
