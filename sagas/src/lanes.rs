//! Many sagas side by side, each in the order of the log.

use std::collections::{HashMap, VecDeque};

use event_model::{EntityName, Position, Saga};
use event_store::{Effect, EventStore, StoreError};
use metrics::{counter, gauge};
use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::progress::{Progress, Ticket};
use crate::runner::AGAIN;
use crate::step::{Halt, Step, Task, Told, carry_out};
use crate::stuck::{Stuck, StuckSagas};

/// How many sagas are worked on at once.
const AT_ONCE: usize = 128;
/// How many tasks may wait before no more is read.
const MOST_WAITING: usize = 4096;

/// The sagas of one kind that have something to do.
pub(crate) struct Lanes<S: Saga> {
    store: EventStore,
    stuck: StuckSagas,
    pub(crate) progress: Progress,
    by_id: HashMap<String, Lane<S>>,
    ready: VecDeque<String>,
    work: JoinSet<Worked<S>>,
    waiting: usize,
    /// Those that are set aside, by id, with the position from which each has to go on.
    aside: HashMap<String, Position>,
}

/// What one saga has to do, in order. It is there as long as there is something.
struct Lane<S: Saga> {
    waiting: VecDeque<(Task<S>, Option<Ticket>)>,
    /// It was stuck, and is not known to be free of that yet.
    recovers: Option<Recovery>,
}

/// Who asked a stuck saga to try again, if anybody did.
pub(crate) struct Recovery(pub(crate) Option<oneshot::Sender<Told>>);

/// A task that was carried out, or not.
struct Attempt<S: Saga> {
    task: Task<S>,
    ticket: Option<Ticket>,
    result: Result<Effect, Halt>,
}

/// Something that was worked on.
enum Worked<S: Saga> {
    Done(Box<Attempt<S>>),
    /// What these have missed while they were stuck, read again.
    Missed(Vec<String>, Vec<Task<S>>),
    /// The record of a stuck saga is gone.
    Recovered(String),
}

impl<S: Saga> Lanes<S> {
    pub(crate) fn new(store: EventStore, stuck: StuckSagas, progress: Progress) -> Self {
        let (by_id, ready, work, aside) = Default::default();
        Self { store, stuck, progress, by_id, ready, work, waiting: 0, aside }
    }

    /// Whether more may come.
    pub(crate) fn have_room(&self) -> bool {
        self.waiting < MOST_WAITING && self.progress.open() < 16 * MOST_WAITING
    }

    pub(crate) fn are_idle(&self) -> bool {
        self.work.is_empty() && self.ready.is_empty()
    }

    /// These were stuck when another runner left off.
    pub(crate) fn set_aside(&mut self, stuck: &[Stuck]) {
        self.aside = stuck.iter().map(|stuck| (stuck.id.clone(), stuck.position)).collect();
        self.tell();
    }

    /// The position from which one has to go on that is set aside.
    pub(crate) fn set_aside_at(&self, id: &str) -> Option<Position> {
        self.aside.get(id).copied()
    }

    /// Gives a saga something to do.
    pub(crate) fn add(&mut self, task: Task<S>, ticket: Option<Ticket>) {
        let id = task.id.to_string();
        if self.aside.contains_key(&id) {
            // It is read again when the saga goes on.
            self.finished(ticket);
            return;
        }
        self.waiting += 1;
        let lane = self.by_id.entry(id.clone()).or_insert_with(|| {
            self.ready.push_back(id);
            Lane { waiting: VecDeque::new(), recovers: None }
        });
        lane.waiting.push_back((task, ticket));
        self.start();
    }

    /// Has sagas that are set aside go on. `missed` reads what each has missed, up to what was read so far.
    pub(crate) fn recover(
        &mut self,
        sagas: Vec<(String, Recovery)>,
        missed: impl Future<Output = Vec<Task<S>>> + Send + 'static,
    ) {
        let ids: Vec<_> = sagas.iter().map(|(id, _)| id.clone()).collect();
        for (id, recovery) in sagas {
            self.aside.remove(&id);
            self.by_id.insert(id, Lane { waiting: VecDeque::new(), recovers: Some(recovery) });
        }
        self.work.spawn(async move { Worked::Missed(ids, missed.await) });
        self.tell();
    }

    /// Until something was done; pending while there is nothing to do. Safe to drop and call again.
    ///
    /// # Errors
    /// When the log is not what it must be.
    pub(crate) async fn work(&mut self) -> Result<(), StoreError> {
        self.start();
        let Some(worked) = self.work.join_next().await else { return std::future::pending().await };
        match worked {
            Ok(Worked::Done(attempt)) => self.done(*attempt)?,
            Ok(Worked::Missed(ids, tasks)) => self.missed(ids, tasks),
            Ok(Worked::Recovered(id)) => self.recovered(&id),
            Err(lost) => return Err(StoreError::Unavailable(lost.into())),
        }
        self.start();
        Ok(())
    }

    fn start(&mut self) {
        while self.work.len() < AT_ONCE
            && let Some(id) = self.ready.pop_front()
        {
            let Some(lane) = self.by_id.get_mut(&id) else { continue };
            match lane.waiting.pop_front() {
                Some((task, ticket)) => {
                    self.waiting -= 1;
                    let (store, stuck) = (self.store.clone(), self.stuck.clone());
                    self.work.spawn(async move {
                        let result = carry_out(&store, &task.id, &task.step).await;
                        if let Err(Halt::Stuck(reason)) = &result
                            && !matches!(task.step, Step::Abandon { .. })
                        {
                            record::<S>(&stuck, &task, reason).await;
                        }
                        Worked::Done(Box::new(Attempt { task, ticket, result }))
                    });
                }
                None if lane.recovers.is_some() => {
                    let (stuck, saga) = (self.stuck.clone(), EntityName::new(S::CATEGORY, &id));
                    self.work.spawn(async move {
                        while let Err(error) = stuck.remove(&saga).await {
                            tracing::debug!(%error, %saga, "the record of a stuck saga is still there");
                            sleep(AGAIN).await;
                        }
                        Worked::Recovered(id)
                    });
                }
                None => {
                    self.by_id.remove(&id);
                }
            }
        }
    }

    fn done(&mut self, attempt: Attempt<S>) -> Result<(), StoreError> {
        let Attempt { task, ticket, result } = attempt;
        let id = task.id.to_string();
        match result {
            Ok(effect) => {
                counter!("jetsource_saga_steps_total", "saga" => S::CATEGORY, "step" => kind(&task.step))
                    .increment(1);
                if let Step::Abandon { told: Some(told), .. } = task.step {
                    let _ = told.send(match effect {
                        Effect::Changed | Effect::Repeated => Ok("it is given up".into()),
                        Effect::Nothing => {
                            Err("there is nothing to give up: it has not begun, or is done".into())
                        }
                    });
                }
                self.finished(ticket);
                self.ready.push_back(id);
            }
            Err(Halt::Log(error)) => return Err(error),
            Err(Halt::Stuck(reason)) => {
                if let Step::Abandon { told, .. } = task.step {
                    // It was asked for in vain; what the saga does by itself is another matter.
                    if let Some(told) = told {
                        let _ = told.send(Err(reason));
                    }
                    self.ready.push_back(id);
                    return Ok(());
                }
                tracing::error!(saga = S::CATEGORY, id, position = %task.position, reason, "set aside as stuck");
                self.finished(ticket);
                self.stop(&id, task.position, &reason);
            }
        }
        Ok(())
    }

    /// Sets it aside with all that waits for it, which is read again when it goes on.
    fn stop(&mut self, id: &str, position: Position, reason: &str) {
        let Some(lane) = self.by_id.remove(id) else { return };
        self.waiting -= lane.waiting.len();
        for (task, ticket) in lane.waiting {
            self.finished(ticket);
            if let Step::Abandon { told: Some(told), .. } = task.step {
                let _ = told.send(Err(format!("it is stuck: {reason}")));
            }
        }
        if let Some(Recovery(Some(told))) = lane.recovers {
            let _ = told.send(Err(format!("it is still stuck: {reason}")));
        }
        self.aside.insert(id.to_owned(), position);
        self.tell();
    }

    fn missed(&mut self, ids: Vec<String>, tasks: Vec<Task<S>>) {
        for task in tasks.into_iter().rev() {
            if let Some(lane) = self.by_id.get_mut(&task.id.to_string()) {
                lane.waiting.push_front((task, None));
                self.waiting += 1;
            }
        }
        self.ready.extend(ids);
    }

    fn recovered(&mut self, id: &str) {
        if let Some(lane) = self.by_id.get_mut(id) {
            if let Some(Recovery(Some(told))) = lane.recovers.take() {
                let _ = told.send(Ok("it goes on".into()));
            }
            self.ready.push_back(id.to_owned());
        }
        tracing::info!(saga = S::CATEGORY, id, "goes on");
        self.tell();
    }

    fn finished(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.progress.finished(ticket);
        }
    }

    fn tell(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; below 2^53 nothing is lost")]
        gauge!("jetsource_sagas_stuck", "saga" => S::CATEGORY).set(self.aside.len() as f64);
    }
}

/// Writes down that a saga is stuck, for as long as it takes: what comes for it is then stepped over.
async fn record<S: Saga>(stuck: &StuckSagas, task: &Task<S>, reason: &str) {
    let record = Stuck {
        name: S::CATEGORY.into(),
        id: task.id.to_string(),
        position: task.position,
        reason: reason.to_owned(),
        since: OffsetDateTime::now_utc(),
    };
    while let Err(error) = stuck.put(&record).await {
        tracing::warn!(%error, saga = record.name, id = record.id, "a stuck saga cannot be written down yet");
        sleep(AGAIN).await;
    }
}

fn kind<S: Saga>(step: &Step<S>) -> &'static str {
    match step {
        Step::Learn { .. } => "learn",
        Step::Send(_) => "send",
        Step::Expire(_) => "expire",
        Step::Abandon { .. } => "abandon",
    }
}
