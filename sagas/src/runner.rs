//! One kind of saga: from its checkpoint on, until it is told to stop.
//!
//! Of several processes that run the same kind one has the lease, and the others wait for it. The checkpoint is noted in
//! the lease, so who has lost it can move it no more. Everything else that a runner does may be done by two at once:
//! what a saga learned is decided again to nothing, and what it sends has an id that the receiver knows.

use std::time::Duration;

use event_model::{Position, Saga};
use event_store::{Batch, Due, Entry, EventStore, Lease, Mark, StoreError};
use metrics::{counter, gauge};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::checkpoint;
use crate::control::{Asked, Question};
use crate::lanes::{Lanes, Recovery};
use crate::progress::Progress;
use crate::sources;
use crate::step::{Step, Task, Told, of_event};
use crate::stuck::{Stuck, StuckSagas};

/// How many entries are read at once.
pub(crate) const MOST: usize = 1000;
/// How long what runs may take at the end.
const TO_FINISH: Duration = Duration::from_secs(3);
/// How long to wait before the broker is asked again.
pub(crate) const AGAIN: Duration = Duration::from_millis(200);

/// Why a runner must not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log is not the one that the sagas have followed.
    #[error(transparent)]
    Log(#[from] StoreError),
}

/// Runs the sagas of one kind.
#[derive(Debug)]
pub struct Runner<S: Saga> {
    store: EventStore,
    settings: S::Settings,
    holder: Uuid,
}

/// Why the sagas are followed no further.
enum Ended {
    Stopped,
    Lost,
}

impl<S: Saga> Runner<S> {
    /// Over this log; its queue and its deadlines must be open.
    pub fn new(store: EventStore, settings: S::Settings) -> Self {
        Self { store, settings, holder: Uuid::now_v7() }
    }

    /// Runs until `stop` is cancelled; what is under way is finished, within three seconds. While the broker is away, or
    /// another process has the lease, it waits.
    ///
    /// # Errors
    /// [`RunError`] when the log is not what it must be.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let name = checkpoint::lease(S::CATEGORY);
        loop {
            let leased = stop.run_until_cancelled(self.store.lease(&name, self.holder)).await;
            let Some(lease) = leased else { return Ok(()) };
            tracing::debug!(saga = S::CATEGORY, token = lease.token(), "has the lease");
            gauge!("jetsource_saga_leads", "saga" => S::CATEGORY).set(1.0);
            let ended = self.follow(lease, &stop).await;
            gauge!("jetsource_saga_leads", "saga" => S::CATEGORY).set(0.0);
            match ended {
                Ok(Ended::Stopped) => return Ok(()),
                Ok(Ended::Lost) => tracing::warn!(saga = S::CATEGORY, "has lost the lease"),
                // The broker went away before anything was begun.
                Err(StoreError::Unavailable(cause)) => {
                    tracing::debug!(saga = S::CATEGORY, cause, "waits for the broker");
                    sleep(AGAIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn follow(&self, mut lease: Lease, stop: &CancellationToken) -> Result<Ended, StoreError> {
        let from = checkpoint::read(lease.note())?;
        self.store.check(from).await?;
        let stuck = StuckSagas::open(&self.store).await?;
        let aside = stuck.all(Some(S::CATEGORY)).await?;
        let mut lanes = Lanes::<S>::new(self.store.clone(), stuck, Progress::from(from));
        lanes.set_aside(&aside);
        self.try_again(&mut lanes, &aside);
        let mut side = JoinSet::new();
        let mut due = sources::due(&self.store, &mut side, S::CATEGORY);
        let mut questions = sources::questions(&self.store, &mut side, S::CATEGORY).await?;
        let mut log = sources::log(&self.store, &mut side, from);
        let mut renewals = interval(event_store::lease::RENEW_EVERY);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(batch) = log.recv(), if lanes.have_room() => self.take(batch?, &mut lanes),
                Some(due) = due.recv() => Self::come_due(due, &mut lanes),
                Some((question, told)) = questions.recv() => self.asked(question, told, &mut lanes),
                worked = lanes.work() => worked?,
                _ = renewals.tick() => if lease.renew(checkpoint::note(lanes.progress.done())).await.is_err() {
                    return Ok(Ended::Lost);
                },
            }
        }
        // What was read and not begun is read again by the next.
        let by = Instant::now() + TO_FINISH;
        while !lanes.are_idle() {
            tokio::select! {
                worked = lanes.work() => worked?,
                () = tokio::time::sleep_until(by) => break,
            }
        }
        lease.release(checkpoint::note(lanes.progress.done())).await;
        Ok(Ended::Stopped)
    }

    fn take(&self, batch: Batch, lanes: &mut Lanes<S>) {
        let (mut position, mut behind) = (Position::START, batch.behind);
        for entry in batch.entries {
            let mark = Mark::on(&entry);
            position = mark.position;
            match self.task(entry) {
                Some(task) => {
                    let ticket = lanes.progress.begun(mark);
                    lanes.add(task, Some(ticket));
                }
                None => lanes.progress.passed(mark),
            }
        }
        behind += lanes.progress.open() as u64;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        let (position, behind) = (position.get() as f64, behind as f64);
        gauge!("jetsource_saga_position", "saga" => S::CATEGORY).set(position);
        gauge!("jetsource_saga_events_behind", "saga" => S::CATEGORY).set(behind);
    }

    /// What an entry has one of the sagas do.
    fn task(&self, entry: Entry) -> Option<Task<S>> {
        let Entry::Event(event) = entry else { return None };
        let position = event.position;
        match of_event::<S>(&event, &self.settings) {
            Ok(task) => task,
            Err(reason) => {
                counter!("jetsource_saga_unreadable_total", "saga" => S::CATEGORY).increment(1);
                tracing::warn!(saga = S::CATEGORY, %position, reason, "an event cannot be read and is stepped over");
                None
            }
        }
    }

    fn come_due(due: Due, lanes: &mut Lanes<S>) {
        counter!("jetsource_saga_deadlines_total", "saga" => S::CATEGORY).increment(1);
        let Ok(id) = due.saga.id.parse::<S::Id>() else {
            tracing::warn!(saga = %due.saga, "a deadline of nobody is stepped over");
            return;
        };
        // One that is set aside is reminded again, once it goes on.
        let position = lanes.progress.read().position;
        lanes.add(Task { id, step: Step::Expire(Box::new(due)), position }, None);
    }

    fn asked(&self, question: Question, told: oneshot::Sender<Told>, lanes: &mut Lanes<S>) {
        let Question { id, asked } = question;
        let Ok(parsed) = id.parse::<S::Id>() else {
            let _ = told.send(Err(format!("{id:?} is no id of a {}", S::CATEGORY)));
            return;
        };
        let id = parsed.to_string();
        match (asked, lanes.set_aside_at(&id)) {
            (Asked::Retry, None) => {
                let _ = told.send(Err("it is not stuck".into()));
            }
            (Asked::Retry, Some(from)) => {
                let missed = self.missed(vec![(id.clone(), from)], lanes.progress.read().position);
                lanes.recover(vec![(id, Recovery(Some(told)))], missed);
            }
            (Asked::Abandon { reason }, None) => {
                let position = lanes.progress.read().position;
                lanes.add(
                    Task { id: parsed, step: Step::Abandon { reason, told: Some(told) }, position },
                    None,
                );
            }
            (Asked::Abandon { reason }, Some(from)) => {
                let rest = self.missed(vec![(id.clone(), from.next())], lanes.progress.read().position);
                let given_up =
                    Task { id: parsed, step: Step::Abandon { reason, told: Some(told) }, position: from };
                let missed = async move {
                    let mut tasks = vec![given_up];
                    tasks.extend(rest.await);
                    tasks
                };
                lanes.recover(vec![(id, Recovery(None))], missed);
            }
        }
    }

    /// Whoever was stuck when the last runner left off gets another chance: this program may be a newer one.
    fn try_again(&self, lanes: &mut Lanes<S>, aside: &[Stuck]) {
        if aside.is_empty() {
            return;
        }
        let from = aside.iter().map(|stuck| (stuck.id.clone(), stuck.position)).collect();
        let missed = self.missed(from, lanes.progress.read().position);
        lanes.recover(aside.iter().map(|stuck| (stuck.id.clone(), Recovery(None))).collect(), missed);
    }

    /// What these have missed, each from its own position, up to another.
    fn missed(
        &self,
        sagas: Vec<(String, Position)>,
        upto: Position,
    ) -> impl Future<Output = Vec<Task<S>>> + Send + 'static {
        let runner = Self { store: self.store.clone(), settings: self.settings.clone(), holder: self.holder };
        async move {
            let mut tasks = Vec::new();
            let first = sagas.iter().map(|(_, from)| *from).min().unwrap_or(upto.next());
            let mut after = Position::new(first.get().saturating_sub(1));
            while after < upto {
                let entries = match runner.store.log_after(after, MOST).await {
                    Ok((entries, _)) => entries,
                    Err(error) => {
                        tracing::debug!(%error, saga = S::CATEGORY, "what was missed cannot be read yet");
                        sleep(AGAIN).await;
                        continue;
                    }
                };
                let Some(last) = entries.last().map(Entry::position) else { break };
                let within = entries.into_iter().filter(|entry| entry.position() <= upto);
                tasks.extend(within.filter_map(|entry| runner.task(entry)).filter(|task| {
                    let id = task.id.to_string();
                    sagas.iter().any(|(saga, from)| *saga == id && task.position >= *from)
                }));
                after = last;
            }
            tasks
        }
    }
}
