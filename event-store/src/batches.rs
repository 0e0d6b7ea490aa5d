//! The task that ends batches, and sends whatever had to wait.

use async_nats::Client;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::batch::{Batch, Gathering};
use crate::committer::{Awaited, Job, Sent};
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::way::{Goes, Way};

/// How often in a row nobody may come before those who were just answered are no longer awaited.
const QUIET: usize = 2;

/// What was answered.
enum Back {
    /// One by itself.
    Alone(oneshot::Sender<Answer>, Answer),
    /// A batch of so many events, ended then.
    Shared(Vec<Awaited>, usize, Instant, Answer),
}

/// The task. It ends when nobody can come any more and all is answered.
pub(crate) struct Batches {
    client: Client,
    way: Way,
    gathering: Gathering,
    sent: FuturesUnordered<BoxFuture<'static, Back>>,
}

impl Batches {
    pub(crate) fn new(client: Client, way: Way, gathering: Gathering) -> Self {
        Self { client, way, gathering, sent: FuturesUnordered::new() }
    }

    pub(crate) async fn run(mut self, mut woken: mpsc::Receiver<()>) {
        let mut open = true;
        while open || !self.sent.is_empty() {
            tokio::select! {
                wake = woken.recv(), if open => open = wake.is_some(),
                Some(back) = self.sent.next() => self.take_back(back),
            }
            self.await_those_who_were_answered().await;
            self.place();
            self.commit();
        }
    }

    /// Who was just answered may come again at once: whoever does shares the next batch.
    async fn await_those_who_were_answered(&mut self) {
        let mut awaited = self.way.awaited();
        let mut quiet = 0;
        while awaited > 0 && quiet <= QUIET {
            self.place();
            tokio::task::yield_now().await;
            let still = self.way.awaited();
            quiet = if still < awaited { 0 } else { quiet + 1 };
            awaited = still;
        }
        self.way.awaits_nobody();
    }

    /// Sends what waits and may go now.
    fn place(&self) {
        let mut gathering = self.gathering.lock();
        for (job, goes) in self.way.next(gathering.len()) {
            match goes {
                Goes::Alone(begun) => self.ship(job, begun),
                Goes::Shared => gathering.add(&self.client, job),
            }
        }
    }

    fn ship(&self, job: Job, begun: Instant) {
        let (client, way) = (self.client.clone(), self.way.clone());
        self.sent.push(Box::pin(async move {
            let Job { messages, touches, answer: waits, place, .. } = job;
            let answer = publish::all(&client, messages, begun + ROUND_TRIP).await;
            drop(place);
            way.came_back(&Sent { touches, begun }, &answer);
            Back::Alone(waits, answer)
        }));
    }

    /// Ends the batch that gathers, unless another one is under way.
    fn commit(&self) {
        let Some(batch) = self.ending() else { return };
        let (client, ended, events) = (self.client.clone(), Instant::now(), batch.len());
        metrics::histogram!("jetsource_append_batch_events")
            .record(u32::try_from(events).unwrap_or(u32::MAX));
        self.sent.push(Box::pin(async move {
            let (awaited, answer) = batch.commit(&client, ended + ROUND_TRIP).await;
            Back::Shared(awaited, events, ended, answer)
        }));
    }

    fn ending(&self) -> Option<Batch> {
        let mut gathering = self.gathering.lock();
        (gathering.len() > 0 && self.way.commits()).then(|| std::mem::take(&mut *gathering))
    }

    /// Hands each append its answer. Those of a shared batch that was refused for one of them go again, each alone:
    /// the innocent go through, and the guilty hear their own reason.
    fn take_back(&self, back: Back) {
        let (awaited, events, ended, answer) = match back {
            Back::Alone(waits, answer) => {
                // Who went away meanwhile asked for it all the same: it is stored, or it is not.
                let _ = waits.send(answer);
                return;
            }
            Back::Shared(awaited, events, ended, answer) => (awaited, events, ended, answer),
        };
        self.way.committed(awaited.iter().map(|one| &one.touches[..]), events, ended, &answer);
        let parted = awaited.len() > 1 && matches!(answer, Answer::Refused { .. });
        if parted {
            metrics::counter!("jetsource_append_batches_refused_total").increment(1);
        }
        let mut behind = 0;
        for one in awaited.into_iter().rev() {
            let length = one.touches.len() as u64;
            let _ = one.answer.send(if parted { Answer::Parted } else { answer.behind(behind) });
            behind += length;
        }
    }
}
