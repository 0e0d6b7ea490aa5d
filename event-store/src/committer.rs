//! Group commit: appends that wait at the same moment share one atomic batch, and so its syncs.
//!
//! One task owns the way to a stream. What comes goes out at once: few as single publishes side by side, many as one
//! batch, whichever [`Cost`] says is done sooner. While a batch is under way the next one gathers, already on its way
//! to the broker; no timer ever holds anything back. Two appends to one subject are never under way together, nor one
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

use crate::batch::Batch;
use crate::cost::Cost;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::touched::{Touch, Touched};

/// The most events of one batch: what the broker takes.
pub(crate) const MOST_EVENTS: usize = 1000;
/// How many appends may wait; more wait at the door.
const QUEUE: usize = 4096;
/// How often in a row nobody may come before those who were just answered are no longer awaited.
const QUIET: usize = 2;

/// One message on its way to the log.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: Arc<str>,
    /// The subject of an entity that its guard is about.
    pub(crate) relies_on: Option<Arc<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Bytes,
}

/// With whom an append may share a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Anybody,
    Nobody,
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

    /// Sends an append on its way, and waits for the answer until patience ends. [`Answer::Parted`] asks for the
    /// same once more, with nobody.
    pub(crate) async fn append(&self, messages: Vec<Outgoing>, company: Company, by: Instant) -> Answer {
        let taken = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        let touches = messages.iter().map(Touch::of).collect();
        let job = Job { messages, touches, company, taken: Arc::clone(&taken), answer };
        let full = match self.0.try_send(job) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(job)) => Some(timeout_at(by, self.0.send(job)).await),
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Answer::NoStream("the way to the log is closed".into());
            }
        };
        match full {
            None | Some(Ok(Ok(()))) => {}
            Some(Ok(Err(closed))) => return Answer::NoStream(closed.to_string().into()),
            Some(Err(elapsed)) => return Answer::NoStream(elapsed.into()),
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
pub(crate) struct Job {
    messages: Vec<Outgoing>,
    /// What each of them touches.
    touches: Vec<Touch>,
    company: Company,
    /// Set by whoever is first: the committer that sends it, or the caller who gives up before that.
    taken: Arc<AtomicBool>,
    answer: oneshot::Sender<Answer>,
}

impl Job {
    fn is_single(&self) -> bool {
        self.messages.len() == 1
    }
}

/// An append that was sent: who waits for it, and what it touches.
#[derive(Debug)]
pub(crate) struct Sent {
    answer: oneshot::Sender<Answer>,
    touches: Vec<Touch>,
}

/// What was answered.
enum Back {
    Alone { sent: Sent, events: usize, begun: Instant, disturbed: bool, answer: Answer },
    Shared { sent: Vec<Sent>, events: usize, begun: Instant, answer: Answer },
}

/// The state of the one task.
struct Way {
    client: Client,
    waiting: VecDeque<Job>,
    /// The subjects of what is under way.
    busy: Touched,
    sent: FuturesUnordered<BoxFuture<'static, Back>>,
    /// How many single publishes are under way.
    singles: usize,
    /// How many appends of one event are in the batch that is under way, if one is.
    committing: Option<usize>,
    gathering: Option<Batch>,
    cost: Cost,
}

impl Way {
    fn new(client: Client) -> Self {
        Self {
            client,
            waiting: VecDeque::new(),
            busy: Touched::default(),
            sent: FuturesUnordered::new(),
            singles: 0,
            committing: None,
            gathering: None,
            cost: Cost::default(),
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut open = true;
        while open || !self.waiting.is_empty() || !self.sent.is_empty() {
            let mut awaited = 0;
            tokio::select! {
                job = queue.recv(), if open && self.waiting.len() < QUEUE => match job {
                    Some(job) => self.waiting.push_back(job),
                    None => open = false,
                },
                Some(back) = self.sent.next() => awaited = self.take_back(back),
            }
            // Who was just answered may come again at once: whoever does shares the next batch.
            let mut quiet = 0;
            loop {
                let came = self.let_in(&mut queue);
                self.place().await;
                awaited = awaited.saturating_sub(came);
                quiet = if came > 0 { 0 } else { quiet + 1 };
                if awaited == 0 || quiet > QUIET {
                    break;
                }
                tokio::task::yield_now().await;
            }
            self.commit();
        }
    }

    fn let_in(&mut self, queue: &mut mpsc::Receiver<Job>) -> usize {
        let before = self.waiting.len();
        while self.waiting.len() < QUEUE
            && let Ok(job) = queue.try_recv()
        {
            self.waiting.push_back(job);
        }
        self.waiting.len() - before
    }

    /// Sends what may go now, in the order in which it came: nothing overtakes on a subject.
    async fn place(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let shares = self.shares();
        let mut trial = if shares { self.cost.trial() } else { 0 };
        let mut kept = VecDeque::new();
        let mut kept_subjects = Touched::default();
        while let Some(job) = self.waiting.pop_front() {
            let held = self.busy.hold_up(&job.touches) || kept_subjects.hold_up(&job.touches);
            let alone = job.company == Company::Nobody || (job.is_single() && (!shares || trial > 0));
            let full = !alone && self.gathered() + job.messages.len() > MOST_EVENTS;
            if held || full {
                kept_subjects.add(&job.touches);
                kept.push_back(job);
                if full {
                    break;
                }
            } else if job.taken.swap(true, Ordering::AcqRel) {
                // Its caller has given up before it was sent.
            } else if alone {
                trial = trial.saturating_sub(1);
                self.ship(job);
            } else {
                self.gather(job).await;
            }
        }
        kept.append(&mut self.waiting);
        self.waiting = kept;
    }

    fn gathered(&self) -> usize {
        self.gathering.as_ref().map_or(0, Batch::len)
    }

    /// Whether all who ask for one event now are served sooner by a batch than side by side.
    fn shares(&self) -> bool {
        let waiting = self.waiting.iter().filter(|job| job.is_single()).count();
        let gathering = self.gathering.as_ref().map_or(0, Batch::singles);
        self.cost.favours_sharing(waiting + self.singles + gathering + self.committing.unwrap_or(0))
    }

    fn ship(&mut self, job: Job) {
        let (sent, messages) = self.send(job);
        let (client, begun, events) = (self.client.clone(), Instant::now(), messages.len());
        let disturbed = self.committing.is_some();
        self.singles += 1;
        self.sent.push(Box::pin(async move {
            let answer = publish::all(&client, messages, begun + ROUND_TRIP).await;
            Back::Alone { sent, events, begun, disturbed, answer }
        }));
    }

    async fn gather(&mut self, job: Job) {
        let (sent, messages) = self.send(job);
        let batch = self.gathering.get_or_insert_with(Batch::default);
        batch.add(&self.client, sent, messages).await;
    }

    fn send(&mut self, job: Job) -> (Sent, Vec<Outgoing>) {
        self.busy.add(&job.touches);
        (Sent { answer: job.answer, touches: job.touches }, job.messages)
    }

    /// Ends the batch that gathers, unless one is under way.
    fn commit(&mut self) {
        if self.committing.is_some() {
            return;
        }
        let Some(batch) = self.gathering.take() else { return };
        metrics::histogram!("jetsource_append_batch_events")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        self.committing = Some(batch.singles());
        let (client, begun, events) = (self.client.clone(), Instant::now(), batch.len());
        self.sent.push(Box::pin(async move {
            let (sent, answer) = batch.commit(&client, begun + ROUND_TRIP).await;
            Back::Shared { sent, events, begun, answer }
        }));
    }

    /// Hands each append its answer. Those of a shared batch that was refused for one of them go again, each alone:
    /// the innocent go through, and the guilty hear their own reason. Returns how many of a batch may come again.
    fn take_back(&mut self, back: Back) -> usize {
        match back {
            Back::Alone { sent, events, begun, disturbed, answer } => {
                self.singles -= 1;
                if let Answer::Stored { .. } = answer
                    && events == 1
                {
                    self.cost.learn_single(begun, disturbed);
                }
                self.tell(sent, answer);
                0
            }
            Back::Shared { sent, events, begun, answer } => {
                self.committing = None;
                if let Answer::Stored { .. } = answer {
                    self.cost.learn_batch(events, begun);
                }
                let parted = sent.len() > 1 && matches!(answer, Answer::Refused { .. });
                if parted {
                    metrics::counter!("jetsource_append_batches_refused_total").increment(1);
                }
                let told = sent.len();
                let mut behind = 0;
                for sent in sent.into_iter().rev() {
                    let length = sent.touches.len() as u64;
                    self.tell(sent, if parted { Answer::Parted } else { answer.behind(behind) });
                    behind += length;
                }
                told
            }
        }
    }

    fn tell(&mut self, sent: Sent, answer: Answer) {
        self.busy.remove(&sent.touches);
        // Who went away meanwhile asked for it all the same: it is stored, or it is not.
        let _ = sent.answer.send(answer);
    }
}
