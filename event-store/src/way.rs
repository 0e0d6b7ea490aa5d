//! What is on the way to a stream: who waits, what is under way, and what goes next. No I/O in here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::committer::{Company, Job, MOST_EVENTS, Sent};
use crate::cost::Cost;
use crate::publish::Answer;
use crate::touched::{Touch, Touched};

/// How an append goes.
pub(crate) enum Goes {
    /// By itself, from then on.
    Alone(Instant),
    /// In the batch that gathers.
    Shared,
}

/// What became of one that came.
pub(crate) struct Entered {
    /// It, when it goes into the batch that gathers at once; else it waits.
    pub(crate) joins: Option<Job>,
    /// Whether others are about to come.
    pub(crate) awaited: bool,
    /// Whether the task that ends batches has to look: nothing else will make it.
    pub(crate) stirs: bool,
}

/// The way. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    /// What is touched by what is under way or gathers.
    busy: Touched,
    /// How many appends by themselves are under way.
    alone: usize,
    /// How many appends of one event gather.
    gathering: usize,
    /// How many of them are in the batch that is under way, if one is.
    committing: Option<usize>,
    /// How many of those whom the last batch answered have not come again, as they may at once.
    awaited: usize,
    cost: Cost,
    /// When one was sent by itself while a batch was under way, for which it has to wait.
    disturbed: Option<Instant>,
}

impl State {
    /// Whether so many more who ask for one event now are served sooner by a batch than side by side.
    fn shares(&self, more: usize) -> bool {
        let under_way = self.alone + self.gathering + self.committing.unwrap_or(0);
        self.cost.favours_sharing(more + under_way + self.awaited)
    }

    /// Has one share the batch that gathers.
    fn gather(&mut self, job: &Job) {
        self.busy.add(&job.touches);
        self.gathering += usize::from(job.events() == 1);
    }

    /// Sends one by itself, now.
    fn ship(&mut self, touches: &[Touch]) -> Instant {
        let now = Instant::now();
        self.busy.add(touches);
        self.alone += 1;
        if self.committing.is_some() {
            self.disturbed = Some(now);
        }
        now
    }
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this append may be sent by its caller at once. If so, it counts as sent from then on.
    pub(crate) fn is_free_for(&self, touches: &[Touch], company: Company) -> Option<Instant> {
        let mut state = self.state();
        state.awaited = state.awaited.saturating_sub(1);
        let alone = company == Company::Nobody || (touches.len() == 1 && !state.shares(1));
        let free = alone && state.waiting.is_empty() && !state.busy.hold_up(touches);
        free.then(|| state.ship(touches))
    }

    /// Lets an append into the batch that gathers, of so many events, or has it wait for its turn.
    pub(crate) fn enter(&self, job: Job, gathered: usize) -> Entered {
        let mut state = self.state();
        let shares = job.events() > 1 || (state.shares(1) && !state.cost.is_trial_due());
        let fits = job.company == Company::Anybody && gathered + job.events() <= MOST_EVENTS;
        let free = state.waiting.is_empty() && !state.busy.hold_up(&job.touches);
        let awaited = state.awaited > 0;
        if shares && fits && free && job.take() {
            state.gather(&job);
            return Entered { joins: Some(job), awaited, stirs: state.committing.is_none() && !awaited };
        }
        state.waiting.push_back(job);
        Entered { joins: None, awaited, stirs: true }
    }

    /// How many of those whom the last batch answered have not come again.
    pub(crate) fn awaited(&self) -> usize {
        self.state().awaited
    }

    /// Whoever has not come again by now is not counted on.
    pub(crate) fn awaits_nobody(&self) {
        self.state().awaited = 0;
    }

    /// Those that go now, in the order in which they came: nothing overtakes on a subject. So many events gather.
    pub(crate) fn next(&self, mut gathered: usize) -> Vec<(Job, Goes)> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.waiting.is_empty() {
            return Vec::new();
        }
        let shares = state.shares(state.waiting.iter().filter(|job| job.events() == 1).count());
        let mut trial = if shares { state.cost.trial() } else { 0 };
        let (mut going, mut kept, mut held) = (Vec::new(), VecDeque::new(), Touched::default());
        while let Some(job) = state.waiting.pop_front() {
            let single = job.events() == 1;
            let alone = job.company == Company::Nobody || (single && (!shares || trial > 0));
            let full = !alone && gathered + job.events() > MOST_EVENTS;
            if full || state.busy.hold_up(&job.touches) || held.hold_up(&job.touches) {
                held.add(&job.touches);
                kept.push_back(job);
                if full {
                    break;
                }
            } else if !job.take() {
                // Its caller has given up before it was sent.
            } else if alone {
                trial = trial.saturating_sub(1);
                let begun = state.ship(&job.touches);
                going.push((job, Goes::Alone(begun)));
            } else {
                state.gather(&job);
                gathered += job.events();
                going.push((job, Goes::Shared));
            }
        }
        kept.append(&mut state.waiting);
        state.waiting = kept;
        going
    }

    /// Whether the batch that gathers may end now: no other one is under way. If so, it counts as ended.
    pub(crate) fn commits(&self) -> bool {
        let mut state = self.state();
        if state.committing.is_some() {
            return false;
        }
        state.committing = Some(std::mem::take(&mut state.gathering));
        true
    }

    /// One that was sent by itself was answered. Whether somebody waits.
    pub(crate) fn came_back(&self, sent: &Sent, answer: &Answer) -> bool {
        let mut state = self.state();
        state.alone -= 1;
        state.busy.remove(&sent.touches);
        if sent.touches.len() == 1
            && let Answer::Stored { .. } = answer
        {
            let disturbed = state.disturbed.is_some_and(|last| last >= sent.begun);
            state.cost.learn_single(sent.begun, disturbed);
        }
        !state.waiting.is_empty()
    }

    /// The batch of these was answered, of so many events, ended then.
    pub(crate) fn committed<'a>(
        &self,
        touches: impl Iterator<Item = &'a [Touch]>,
        events: usize,
        ended: Instant,
        answer: &Answer,
    ) {
        let mut state = self.state();
        state.committing = None;
        state.awaited = 0;
        for touches in touches {
            state.busy.remove(touches);
            state.awaited += 1;
        }
        if let Answer::Stored { .. } = answer {
            state.cost.learn_batch(events, ended);
        }
    }
}
