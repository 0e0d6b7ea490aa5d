//! Group commit: appends that wait at the same moment share one atomic batch, and so its syncs.
//!
//! One task owns the way to a stream. What waits goes out at once: few as single publishes side by side, many as one
//! batch, whichever [`Cost`] says is done sooner. While a batch is under way the next one gathers; no timer ever
//! holds anything back. Two appends to one subject are never under way together, nor one
//! that writes to a subject with one that relies on it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::cost::Cost;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::touched::Touched;

/// The most events of one batch: what the broker takes.
pub(crate) const MOST_EVENTS: usize = 1000;
/// How many appends may wait; more wait at the door.
const QUEUE: usize = 4096;

/// One message on its way to the log.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    /// The subject of an entity that its guard is about.
    pub(crate) relies_on: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Bytes,
}

/// The way to a stream. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Committer(mpsc::Sender<Job>);

impl Committer {
    /// Starts the task that owns the way; it ends when the last clone is gone and all is answered.
    pub(crate) fn start(client: Client) -> Self {
        let (door, queue) = mpsc::channel(QUEUE);
        tokio::spawn(Way::new(client).run(queue));
        Self(door)
    }

    /// Sends an append on its way, and waits for the answer until patience ends.
    pub(crate) async fn append(&self, messages: Arc<[Outgoing]>, by: Instant) -> Answer {
        let taken = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        let job = Job { messages, taken: Arc::clone(&taken), answer };
        match timeout_at(by, self.0.send(job)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Answer::NoStream("the way to the log is closed".into()),
            Err(elapsed) => return Answer::NoStream(elapsed.into()),
        }
        match timeout_at(by, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(gone)) => Answer::None(gone.into()),
            Err(elapsed) if taken.swap(true, Ordering::AcqRel) => Answer::None(elapsed.into()),
            Err(elapsed) => Answer::NoStream(elapsed.into()),
        }
    }
}

/// An append that waits: all of its messages are stored, or none.
#[derive(Debug)]
struct Job {
    messages: Arc<[Outgoing]>,
    /// Set by whoever is first: the committer that sends it, or the caller who gives up before that.
    taken: Arc<AtomicBool>,
    answer: oneshot::Sender<Answer>,
}

/// What goes out together.
struct Shipment {
    jobs: Vec<Job>,
    events: usize,
    shared: bool,
    sent: Instant,
}

/// The state of the one task.
struct Way {
    client: Client,
    waiting: VecDeque<Job>,
    /// The subjects of what is under way.
    busy: Touched,
    sent: FuturesUnordered<BoxFuture<'static, (Shipment, Answer)>>,
    alone: usize,
    shared: bool,
    cost: Cost,
}

impl Way {
    fn new(client: Client) -> Self {
        Self {
            client,
            waiting: VecDeque::new(),
            busy: Touched::default(),
            sent: FuturesUnordered::new(),
            alone: 0,
            shared: false,
            cost: Cost::default(),
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut open = true;
        while open || !self.waiting.is_empty() || !self.sent.is_empty() {
            tokio::select! {
                job = queue.recv(), if open && self.waiting.len() < QUEUE => match job {
                    Some(job) => self.waiting.push_back(job),
                    None => open = false,
                },
                Some((shipment, answer)) = self.sent.next() => self.take_back(shipment, &answer),
            }
            // Who was just answered may come again at once: whoever does shares the next batch.
            tokio::task::yield_now().await;
            while self.waiting.len() < QUEUE
                && let Ok(job) = queue.try_recv()
            {
                self.waiting.push_back(job);
            }
            self.send();
        }
    }

    /// Sends what waits, as far as it may go now.
    fn send(&mut self) {
        if self.shared || self.waiting.is_empty() {
            return;
        }
        let (jobs, events) = self.ready();
        if jobs.len() > 1 && self.cost.favours_sharing(jobs.iter().map(|job| job.messages.len()), events) {
            metrics::histogram!("jetsource_append_batch_events")
                .record(u32::try_from(events).unwrap_or(u32::MAX));
            self.shared = true;
            self.ship(Shipment { jobs, events, shared: true, sent: Instant::now() });
            return;
        }
        let room = self.cost.side_by_side().saturating_sub(self.alone);
        let mut jobs = jobs.into_iter();
        for job in jobs.by_ref().take(room) {
            self.ship_alone(job);
        }
        for job in jobs.rev() {
            self.busy.remove(&job.messages);
            self.waiting.push_front(job);
        }
    }

    /// Takes what may go now, in the order in which it came: nothing overtakes on a subject.
    fn ready(&mut self) -> (Vec<Job>, usize) {
        let (mut jobs, mut events) = (Vec::new(), 0);
        let mut kept = VecDeque::new();
        let mut kept_subjects = Touched::default();
        while let Some(job) = self.waiting.pop_front() {
            let full = events + job.messages.len() > MOST_EVENTS;
            let held = self.busy.holds_up(&job.messages) || kept_subjects.holds_up(&job.messages);
            if full || held {
                kept_subjects.add(&job.messages);
                kept.push_back(job);
                if full {
                    break;
                }
            } else {
                events += job.messages.len();
                self.busy.add(&job.messages);
                jobs.push(job);
            }
        }
        kept.append(&mut self.waiting);
        self.waiting = kept;
        (jobs, events)
    }

    fn ship_alone(&mut self, job: Job) {
        self.alone += 1;
        let events = job.messages.len();
        self.ship(Shipment { jobs: vec![job], events, shared: false, sent: Instant::now() });
    }

    fn ship(&mut self, mut shipment: Shipment) {
        let mut given_up = Vec::new();
        shipment.jobs.retain_mut(|job| {
            let ours = !job.taken.swap(true, Ordering::AcqRel);
            if !ours {
                given_up.push(Arc::clone(&job.messages));
            }
            ours
        });
        for messages in given_up {
            self.busy.remove(&messages);
        }
        shipment.events = shipment.jobs.iter().map(|job| job.messages.len()).sum();
        let client = self.client.clone();
        self.sent.push(Box::pin(async move {
            let messages: Vec<_> = shipment.jobs.iter().flat_map(|job| job.messages.iter()).collect();
            let answer = publish::all(&client, &messages, shipment.sent + ROUND_TRIP).await;
            (shipment, answer)
        }));
    }

    /// Hands each job its answer. A shared batch that was refused for one of its jobs is sent again, each job alone:
    /// the innocent go through, and the guilty hear their own reason.
    fn take_back(&mut self, shipment: Shipment, answer: &Answer) {
        let Shipment { jobs, events, shared, sent } = shipment;
        if shared {
            self.shared = false;
        } else {
            self.alone -= 1;
        }
        if let Answer::Stored { .. } = answer {
            self.cost.learn(events, sent);
        }
        if let (true, Answer::Refused { .. }) = (jobs.len() > 1, answer) {
            metrics::counter!("jetsource_append_batches_refused_total").increment(1);
            for job in jobs {
                job.taken.store(false, Ordering::Release);
                self.ship_alone(job);
            }
            return;
        }
        for job in &jobs {
            self.busy.remove(&job.messages);
        }
        let mut behind = 0;
        for job in jobs.into_iter().rev() {
            let length = job.messages.len() as u64;
            // Who went away meanwhile asked for it all the same: it is stored, or it is not.
            let _ = job.answer.send(answer.behind(behind));
            behind += length;
        }
    }
}
