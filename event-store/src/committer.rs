//! Group commit: appends that wait at the same moment share one atomic batch, and so its syncs.
//!
//! What comes to the way to a stream goes out at once, sent by its own caller: few as single publishes side by side,
//! many in one batch, which a task ends ([`Batches`]); whichever [`Cost`](crate::cost::Cost) says is done sooner. While a
//! batch is under way the next one gathers, already on its way to the broker; no timer ever holds anything back. Two
//! appends to one subject are never under way together, nor one that writes to a subject with one that relies on it.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::batch::Gathering;
use crate::batches::Batches;
use crate::publish::{self, Answer};
use crate::read::ROUND_TRIP;
use crate::touched::Touch;
use crate::way::{Entered, Way};

/// The most events of one batch: what the broker takes.
pub(crate) const MOST_EVENTS: usize = 1000;
/// How many appends may wait; more wait at the door.
const QUEUE: usize = 4096;

/// One message on its way to the log.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) subject: Arc<str>,
    /// The subject of an entity that its guard is about.
    pub(crate) relies_on: Option<Arc<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Bytes,
}

impl Outgoing {
    /// The same, to be sent once more.
    pub(crate) fn copy(&self) -> Self {
        let Self { subject, relies_on, headers, data } = self;
        let (subject, relies_on) = (subject.clone(), relies_on.clone());
        Self { subject, relies_on, headers: headers.clone(), data: data.clone() }
    }
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
    gathering: Gathering,
    door: Arc<Semaphore>,
    wake: mpsc::Sender<()>,
}

impl Committer {
    /// Starts the task that sends batches; it ends when the last clone is gone and all is answered.
    pub(crate) fn start(client: Client) -> Self {
        let (wake, woken) = mpsc::channel(1);
        let (way, gathering) = (Way::default(), Gathering::default());
        tokio::spawn(Batches::new(client.clone(), way.clone(), gathering.clone()).run(woken));
        Self(Arc::new(Entrance { client, way, gathering, door: Arc::new(Semaphore::new(QUEUE)), wake }))
    }

    /// Sends an append on its way, and waits for the answer until patience ends. [`Answer::Parted`] asks for the
    /// same once more, with nobody.
    pub(crate) async fn append(&self, messages: Vec<Outgoing>, company: Company, by: Instant) -> Answer {
        let touches: Vec<_> = messages.iter().map(Touch::of).collect();
        if let Some(begun) = self.0.way.is_free_for(&touches, company) {
            return self.send(Sent { touches, begun }, messages, by).await;
        }
        let door = Arc::clone(&self.0.door);
        let place = match door.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => match timeout_at(by, door.acquire_owned()).await {
                Ok(Ok(place)) => place,
                Ok(Err(closed)) => return Answer::NoStream(closed.into()),
                Err(elapsed) => return Answer::NoStream(elapsed.into()),
            },
        };
        let taken = Arc::new(AtomicBool::new(false));
        let (answer, answered) = oneshot::channel();
        self.enter(Job { messages, touches, company, taken: Arc::clone(&taken), answer, place });
        match timeout_at(by, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(gone)) => Answer::None(gone.into()),
            Err(elapsed) if taken.swap(true, Ordering::AcqRel) => Answer::None(elapsed.into()),
            Err(elapsed) => Answer::NoStream(elapsed.into()),
        }
    }

    /// Puts it into the batch that gathers, already on its way, or has it wait. Each caller does this by itself, so that
    /// the broker has much of a batch before the task that ends it is back.
    fn enter(&self, job: Job) {
        let Entrance { client, way, gathering, wake, .. } = &*self.0;
        let mut gathering = gathering.lock();
        let Entered { joins, awaited, stirs } = way.enter(job, gathering.len());
        if let Some(job) = joins {
            gathering.add(client, job);
        }
        if !awaited {
            gathering.send_on(client);
        }
        drop(gathering);
        if stirs {
            // It is awake, or will be.
            let _ = wake.try_send(());
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
    pub(crate) messages: Vec<Outgoing>,
    /// What each of them touches.
    pub(crate) touches: Vec<Touch>,
    pub(crate) company: Company,
    /// Set by whoever is first: the way that sends it, or the caller who gives up before that.
    taken: Arc<AtomicBool>,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// Its place in the queue, which it keeps when its caller goes away: so the queue stays bounded.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Job {
    pub(crate) fn events(&self) -> usize {
        self.touches.len()
    }

    /// Whether it may be sent: its caller has not given up, and is still there.
    pub(crate) fn take(&self) -> bool {
        !self.answer.is_closed() && !self.taken.swap(true, Ordering::AcqRel)
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
    pub(crate) answer: oneshot::Sender<Answer>,
    /// Its place in the queue, until it is answered.
    pub(crate) _place: OwnedSemaphorePermit,
}
