//! How the broker writes, by the word of each of its servers.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Durability;
use crate::error::Cause;

/// Where each server tells of its JetStream.
pub(crate) const SUBJECT: &str = "$SYS.REQ.SERVER.PING.JSZ";
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
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    sync_always: bool,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(default)]
    cluster_size: usize,
}

/// What the servers have said.
#[derive(Default)]
struct Said {
    syncs: HashMap<String, bool>,
    servers: usize,
}

pub(super) async fn ask(client: &Client) -> Durability {
    match gather(client).await {
        Ok(said) => said.verdict(),
        Err(error) => Durability::Unknown(error.to_string()),
    }
}

/// Listens until all have answered, or time is up.
async fn gather(client: &Client) -> Result<Said, Cause> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await?;
    client.publish_with_reply(SUBJECT, inbox, r#"{"config":true}"#.into()).await?;
    let mut said = Said { servers: 1, ..Said::default() };
    let deadline = Instant::now() + TO_ANSWER;
    while said.syncs.len() < said.servers
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
        let Data { disabled, config, meta_cluster } = answer.data;
        self.servers = self.servers.max(meta_cluster.map_or(1, |cluster| cluster.cluster_size));
        if !disabled {
            let config = config.ok_or("an answer holds no configuration")?;
            self.syncs.insert(answer.server.id, config.sync_always);
        }
        Ok(())
    }

    /// A server that is away just now is no reason to refuse the others.
    fn verdict(&self) -> Durability {
        if self.syncs.values().any(|syncs| !syncs) {
            return Durability::Lazy;
        }
        let (told, of) = (self.syncs.len(), self.servers);
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

    fn said(answers: &[(&str, bool)]) -> Durability {
        let mut said = Said { servers: 1, ..Said::default() };
        for (id, syncs) in answers {
            let answer = format!(
                r#"{{"server":{{"id":"{id}"}},"data":{{"config":{{"sync_always":{syncs}}},"meta_cluster":{{"cluster_size":3}}}}}}"#
            );
            said.hear(serde_json::from_str(&answer).unwrap()).unwrap();
        }
        said.verdict()
    }

    #[test]
    fn one_lazy_server_makes_all_of_it_lazy() {
        assert_eq!(said(&[("a", true), ("b", true), ("c", true)]), Durability::EveryAckSynced);
        assert_eq!(said(&[("a", true), ("b", true), ("c", false)]), Durability::Lazy);
        assert_eq!(said(&[("a", false)]), Durability::Lazy);
    }

    #[test]
    fn the_word_of_a_few_is_not_the_word_of_all() {
        assert_eq!(said(&[("a", true), ("b", true)]), Durability::EveryAckSynced);
        for few in [said(&[("a", true)]), said(&[("a", true), ("a", true)])] {
            assert_eq!(few, Durability::Unknown("1 of 3 servers told".into()));
        }
    }
}
