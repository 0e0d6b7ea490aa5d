//! Keeping snapshots, in the background and never in the way: what cannot be taken at once is dropped.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, HeaderMap};
use event_model::{Decider, EntityName};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{FEW, written};
use crate::committer::Outgoing;
use crate::load::Loaded;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::subjects;

/// So many events since the last one make a snapshot worth its while for an entity that is at hand.
const MANY: u64 = 8;
/// How many offers may wait.
const QUEUE: usize = 1024;
/// How many are written at once, and about how many bytes.
const MOST: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// How long the log has the disk to itself after each writing.
const REST: Duration = Duration::from_millis(100);
/// What a message has beside its body.
const HEADROOM: usize = 1024;

/// An entity that may be kept; its body is made only when it is its turn.
type Offer = Box<dyn FnOnce() -> Result<Outgoing, serde_json::Error> + Send>;

/// The way to the stream of snapshots. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots(mpsc::Sender<Offer>);

impl Snapshots {
    /// Starts the task that writes them; it ends when the last clone is gone.
    pub(crate) fn start(client: Client) -> Self {
        let (door, offers) = mpsc::channel(QUEUE);
        tokio::spawn(run(client, offers));
        Self(door)
    }

    /// The entity leaves the cache, and the next one who asks for it finds it cold.
    pub(crate) fn leaving<D: Decider>(&self, name: &EntityName, entity: &(dyn Any + Send + Sync)) {
        if let Some(entity) = entity.downcast_ref::<Loaded<D>>().filter(|entity| grown(entity) >= FEW) {
            self.offer(name, entity);
        }
    }

    /// To read this entity took more than a few steps.
    pub(crate) fn after_a_long_reading<D: Decider>(&self, name: &EntityName, entity: &mut Loaded<D>) {
        if grown(entity) >= FEW && self.offer(name, entity) {
            entity.kept = entity.version;
        }
    }

    /// The entity has more events than before.
    pub(crate) fn after_growth<D: Decider>(&self, name: &EntityName, entity: &mut Loaded<D>) {
        if grown(entity) >= MANY && self.offer(name, entity) {
            entity.kept = entity.version;
        }
    }

    fn offer<D: Decider>(&self, name: &EntityName, entity: &Loaded<D>) -> bool {
        let (name, entity) = (name.clone(), entity.clone());
        let message = move || {
            let data = written(&entity)?.into();
            let (subject, headers) = (subjects::snapshot(&name).into(), HeaderMap::new());
            Ok(Outgoing { subject, relies_on: None, headers, data })
        };
        let taken = self.0.try_send(Box::new(message)).is_ok();
        if !taken {
            dropped("busy", 1);
        }
        taken
    }
}

/// How many events it has since its last snapshot.
fn grown<D>(entity: &Loaded<D>) -> u64 {
    entity.version.get().saturating_sub(entity.kept.get())
}

async fn run(client: Client, mut offers: mpsc::Receiver<Offer>) {
    while let Some(first) = offers.recv().await {
        let messages = gather(&client, first, &mut offers);
        let messages: Vec<_> = messages.into_values().collect();
        if !messages.is_empty() {
            write(&client, messages).await;
        }
        sleep(REST).await;
    }
}

/// What waits, the newest of each entity.
fn gather(client: &Client, first: Offer, offers: &mut mpsc::Receiver<Offer>) -> BTreeMap<Arc<str>, Outgoing> {
    let most = client.server_info().max_payload.saturating_sub(HEADROOM);
    let (mut messages, mut bytes, mut next) = (BTreeMap::new(), 0, Some(first));
    while let Some(offer) = next {
        match offer() {
            Ok(message) if message.data.len() <= most => {
                bytes += message.data.len();
                messages.insert(message.subject.clone(), message);
            }
            Ok(_) => dropped("too large", 1),
            Err(error) => {
                tracing::debug!(%error, "a state cannot be kept");
                dropped("unfit", 1);
            }
        }
        let full = messages.len() >= MOST || bytes >= MOST_BYTES;
        next = if full { None } else { offers.try_recv().ok() };
    }
    messages
}

async fn write(client: &Client, messages: Vec<Outgoing>) {
    let count = messages.len() as u64;
    match publish::all(client, messages, Instant::now() + ROUND_TRIP).await {
        Answer::Stored { .. } => metrics::counter!("jetsource_snapshots_written_total").increment(count),
        Answer::Refused { code, said } => {
            tracing::debug!(code, said, count, "snapshots are refused");
            dropped("refused", count);
        }
        Answer::NoStream(cause) | Answer::None(cause) => {
            tracing::debug!(cause, count, "snapshots are not written");
            dropped("away", count);
        }
        Answer::Parted => dropped("refused", count),
    }
}

fn dropped(reason: &'static str, count: u64) {
    metrics::counter!("jetsource_snapshots_dropped_total", "reason" => reason).increment(count);
}
