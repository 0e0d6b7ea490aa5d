//! Group commit: appends that wait at the same moment share one atomic batch, and so its syncs.
//!
//! What comes to the way to a stream goes out at once: few as single publishes side by side, each sent by its own
//! caller, many as one batch, which one task sends; whichever [`Cost`](crate::cost::Cost) says is done sooner. While a
//! batch is under way the next one gathers, already on its way to the broker; no timer ever holds anything back. Two
//! appends to one subject are never under way together, nor one that writes to a subject with one that relies on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::batch::Batch;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::touched::Touch;
use crate::way::{Goes, Way};

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
pub(crate) struct Committer(Arc<Entrance>);

#[derive(Debug)]
struct Entrance {
    client: Client,
    way: Way,
    door: Semaphore,
    wake: mpsc::Sender<()>,
}

impl Committer {
    /// Starts the task that sends batches; it ends when the last clone is gone and all is answered.
    pub(crate) fn start(client: Client) -> Self {
        let (wake, woken) = mpsc::channel(1);
        let way = Way::default();
        let batches = Batches { client: client.clone(), way: way.clone(), sent: FuturesUnordered::new() };
        tokio::spawn(batches.run(woken));
        Self(Arc::new(Entrance { client, way, door: Semaphore::new(QUEUE), wake }))
    }

    /// Sends an append on its way, and waits for the answer until patience ends. [`Answer::Parted`] asks for the
    /// same once more, with nobody.
    pub(crate) async fn append(&self, messages: Vec<Outgoing>, company: Company, by: Instant) -> Answer {
        let touches: Vec<_> = messages.iter().map(Touch::of).collect();
        if let Some(begun) = self.0.way.is_free_for(&touches, company) {
            return self.send(Sent { touches, begun }, messages, by).await;
        }
        let _place = match self.0.door.try_acquire() {
            Ok(place) => place,
            Err(_) => match timeout_at(by, self.0.door.acquire()).await {
                Ok(Ok(place)) => place,
                Ok(Err(closed)) => return Answer::NoStream(closed.into()),
                Err(elapsed) => return Answer::NoStream(elapsed.into()),
            },
        };
        let taken = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        self.0.way.wait(Job { messages, touches, company, taken: Arc::clone(&taken), answer });
        // It is awake, or will be.
        let _ = self.0.wake.try_send(());
        match timeout_at(by, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(gone)) => Answer::None(gone.into()),
            Err(elapsed) if taken.swap(true, Ordering::AcqRel) => Answer::None(elapsed.into()),
            Err(elapsed) => Answer::NoStream(elapsed.into()),
        }
    }

    /// Publishes it here and now: what is under way is known to all.
    async fn send(&self, sent: Sent, messages: Vec<Outgoing>, by: Instant) -> Answer {
        let entrance = Arc::clone(&self.0);
        let until = sent.begun + ROUND_TRIP;
        let mut sending = Sending(Some(Box::pin(async move {
            let answer = publish::all(&entrance.client, messages, until).await;
            if entrance.way.came_back(&sent, &answer) {
                let _ = entrance.wake.try_send(());
            }
            answer
        })));
        match timeout_at(by, &mut sending).await {
            Ok(answer) => answer,
            Err(elapsed) => Answer::None(elapsed.into()),
        }
    }
}

/// A publish that its caller waits for. It goes on when the caller goes away, so that what it touches is not taken for
/// free before it was answered.
struct Sending(Option<BoxFuture<'static, Answer>>);

impl Future for Sending {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Answer> {
        let Some(publish) = self.0.as_mut() else { return std::task::Poll::Pending };
        let polled = publish.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let (Some(publish), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(publish);
        }
    }
}

/// An append that waits: all of its messages are stored, or none.
#[derive(Debug)]
pub(crate) struct Job {
    messages: Vec<Outgoing>,
    /// What each of them touches.
    pub(crate) touches: Vec<Touch>,
    pub(crate) company: Company,
    /// Set by whoever is first: the way that sends it, or the caller who gives up before that.
    taken: Arc<AtomicBool>,
    answer: oneshot::Sender<Answer>,
}

impl Job {
    pub(crate) fn events(&self) -> usize {
        self.touches.len()
    }

    /// Whether it may be sent: its caller has not given up.
    pub(crate) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }
}

/// An append that was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) touches: Vec<Touch>,
    pub(crate) begun: Instant,
}

/// Who waits for an append of a batch, and what it touches.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) touches: Vec<Touch>,
    answer: oneshot::Sender<Answer>,
}

/// What was answered.
enum Back {
    /// One by itself.
    Alone(Awaited, Answer),
    /// A batch of so many events, ended then.
    Shared(Vec<Awaited>, usize, Instant, Answer),
}

/// The task that sends batches, and whatever had to wait.
struct Batches {
    client: Client,
    way: Way,
    sent: FuturesUnordered<BoxFuture<'static, Back>>,
}

impl Batches {
    async fn run(mut self, mut woken: mpsc::Receiver<()>) {
        let mut open = true;
        let mut gathering = Batch::default();
        while open || !self.sent.is_empty() {
            let mut awaited = 0;
            tokio::select! {
                wake = woken.recv(), if open => open = wake.is_some(),
                Some(back) = self.sent.next() => awaited = self.take_back(back),
            }
            // Who was just answered may come again at once: whoever does shares the next batch.
            let mut quiet = 0;
            loop {
                let came = self.place(&mut gathering).await;
                awaited = awaited.saturating_sub(came);
                quiet = if came > 0 { 0 } else { quiet + 1 };
                if awaited == 0 || quiet > QUIET {
                    break;
                }
                tokio::task::yield_now().await;
            }
            if gathering.len() > 0 && self.way.commits() {
                self.commit(std::mem::take(&mut gathering));
            }
        }
    }

    /// Sends what may go now. Returns how many those are.
    async fn place(&mut self, gathering: &mut Batch) -> usize {
        let jobs = self.way.next(gathering.len());
        let came = jobs.len();
        for (job, goes) in jobs {
            let Job { messages, touches, answer, .. } = job;
            let awaited = Awaited { touches, answer };
            match goes {
                Goes::Alone(begun) => self.ship(awaited, messages, begun),
                Goes::Shared => gathering.add(&self.client, awaited, messages).await,
            }
        }
        came
    }

    fn ship(&mut self, awaited: Awaited, messages: Vec<Outgoing>, begun: Instant) {
        let (client, way) = (self.client.clone(), self.way.clone());
        self.sent.push(Box::pin(async move {
            let answer = publish::all(&client, messages, begun + ROUND_TRIP).await;
            let sent = Sent { touches: awaited.touches, begun };
            way.came_back(&sent, &answer);
            Back::Alone(Awaited { touches: Vec::new(), answer: awaited.answer }, answer)
        }));
    }

    fn commit(&mut self, batch: Batch) {
        let (client, ended, events) = (self.client.clone(), Instant::now(), batch.len());
        metrics::histogram!("jetsource_append_batch_events")
            .record(u32::try_from(events).unwrap_or(u32::MAX));
        self.sent.push(Box::pin(async move {
            let (awaited, answer) = batch.commit(&client, ended + ROUND_TRIP).await;
            Back::Shared(awaited, events, ended, answer)
        }));
    }

    /// Hands each append its answer. Those of a shared batch that was refused for one of them go again, each alone:
    /// the innocent go through, and the guilty hear their own reason. Returns how many of a batch may come again.
    fn take_back(&mut self, back: Back) -> usize {
        let (awaited, events, ended, answer) = match back {
            Back::Alone(Awaited { answer: waits, .. }, answer) => {
                // Who went away meanwhile asked for it all the same: it is stored, or it is not.
                let _ = waits.send(answer);
                return 0;
            }
            Back::Shared(awaited, events, ended, answer) => (awaited, events, ended, answer),
        };
        self.way.committed(awaited.iter().map(|one| &one.touches[..]), events, ended, &answer);
        let parted = awaited.len() > 1 && matches!(answer, Answer::Refused { .. });
        if parted {
            metrics::counter!("jetsource_append_batches_refused_total").increment(1);
        }
        let told = awaited.len();
        let mut behind = 0;
        for one in awaited.into_iter().rev() {
            let length = one.touches.len() as u64;
            let _ = one.answer.send(if parted { Answer::Parted } else { answer.behind(behind) });
            behind += length;
        }
        told
    }
}
