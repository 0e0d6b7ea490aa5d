//! The one reader of the log that all listeners share. It starts with the first of them, and ends some time after the
//! last has left.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_model::Position;
use event_store::{Batch, Entry, EventStore, Filter, Mark, StoreError};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::crowd::{Crowd, Heard};
use super::pulse::{Pulse, Pulses};

/// How many entries are told before others have their turn: less than a listener's queue holds.
const AT_ONCE: usize = 128;
/// How often the reader looks whether the broker is there, and somebody still listens.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks at which nobody listened it ends.
const ALONE: u32 = 30;
/// How soon a log that is not as it must be is looked at again.
const AGAIN: Duration = Duration::from_secs(2);

/// What all listeners share.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Shared>);

struct Shared {
    store: EventStore,
    ending: CancellationToken,
    crowd: Mutex<Crowd>,
    starting: tokio::sync::Mutex<()>,
    pulses: Pulses,
}

/// A place among those who hear what comes; it is given back when this goes.
pub(crate) struct Seat {
    hub: Hub,
    id: u64,
    pub(crate) heard: Receiver<Heard>,
}

/// The crowd is let go, however the reader ends.
struct Reading(Hub);

impl Hub {
    pub(crate) fn new(store: EventStore, ending: CancellationToken) -> Self {
        let (crowd, starting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Shared { store, ending, crowd, starting, pulses: Pulses::default() }))
    }

    pub(crate) fn store(&self) -> &EventStore {
        &self.0.store
    }

    /// Cancelled when the program ends.
    pub(crate) fn ending(&self) -> &CancellationToken {
        &self.0.ending
    }

    pub(crate) fn pulses(&self) -> &Pulses {
        &self.0.pulses
    }

    /// Up to where the log was read; a reader is started where there is none.
    ///
    /// # Errors
    /// As [`EventStore::head`].
    pub(crate) async fn reading(&self) -> Result<Position, StoreError> {
        if let Some(read) = self.read() {
            return Ok(read);
        }
        let _one = self.0.starting.lock().await;
        if let Some(read) = self.read() {
            return Ok(read);
        }
        let head = self.store().head().await?;
        let mark = if head == Position::START {
            Mark::START
        } else {
            let last = self.store().at(head).await?;
            last.as_ref()
                .map(Mark::on)
                .ok_or_else(|| StoreError::Unavailable("the log is short of its end".into()))?
        };
        self.crowd().read = Some(head);
        tokio::spawn(Reading(self.clone()).run(mark));
        Ok(head)
    }

    /// Up to where the log was read, where somebody reads.
    pub(crate) fn read(&self) -> Option<Position> {
        self.crowd().read
    }

    /// Takes a place, and says up to where the log was read just then: what lies behind both that and `after` is heard
    /// on it. `None` when the reader has just ended.
    pub(crate) fn join(
        &self,
        filter: &Arc<Filter>,
        after: Position,
        pulse: &Arc<Pulse>,
    ) -> Option<(Seat, Position)> {
        let mut crowd = self.crowd();
        let read = crowd.read?;
        let (id, heard) = crowd.join(filter, after, pulse);
        Some((Seat { hub: self.clone(), id, heard }, read))
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.0.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, batch: &Batch) {
        let mut crowd = self.crowd();
        for entry in &batch.entries {
            if let Entry::Event(event) = entry {
                crowd.tell(event);
            }
            crowd.read = Some(entry.position());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.crowd().leave(self.id);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.crowd().dismiss();
    }
}

impl Reading {
    async fn run(self, mark: Mark) {
        let hub = &self.0;
        let mut reader = hub.store().subscribe(mark);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut troubled = false;
        loop {
            let next = self.unless_alone(reader.next(AT_ONCE), &mut look, &mut troubled).await;
            match next {
                None => return,
                Some(Ok(batch)) => {
                    if std::mem::take(&mut troubled) {
                        hub.crowd().remark("the log can be read again");
                    }
                    hub.tell(&batch);
                    tokio::task::yield_now().await;
                }
                Some(Err(error)) => {
                    if !std::mem::replace(&mut troubled, true) {
                        tracing::error!(%error, "listeners hear nothing");
                        hub.crowd().remark(&format!("{error}; this goes on when it is as it was"));
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// What is next, `None` when the end was asked for or nobody listens any more. Who listens is told when the broker
    /// goes away.
    async fn unless_alone<T>(
        &self,
        next: impl Future<Output = T>,
        look: &mut Interval,
        troubled: &mut bool,
    ) -> Option<T> {
        let (hub, mut next, mut alone) = (&self.0, pin!(next), 0);
        loop {
            tokio::select! {
                () = hub.ending().cancelled() => return None,
                next = &mut next => return Some(next),
                _ = look.tick() => {}
            }
            let mut crowd = hub.crowd();
            alone = if crowd.is_empty() { alone + 1 } else { 0 };
            if alone >= ALONE {
                // While the crowd is held: whoever comes next finds that nobody reads.
                crowd.dismiss();
                return None;
            }
            if !*troubled && !hub.store().connection().is_up() {
                *troubled = true;
                crowd.remark("the broker is away; this goes on when it is back");
            }
        }
    }
}
