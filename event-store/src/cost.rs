//! What an append costs, alone or shared, as measured so far.

use tokio::time::Instant;

/// A model of the broker, corrected by every answer: a single publish takes `alone`; a batch takes a base, and a
/// little for every event. All in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    alone: f64,
    line: Line,
    last_single: Option<Instant>,
    /// Batches since the last single publish was measured.
    unmeasured: u32,
}

/// A line through what was measured, where what is long ago counts less.
#[derive(Debug, Clone, Default)]
struct Line {
    weight: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

/// How fast what was learnt is forgotten.
const FORGET: f64 = 0.97;
/// A batch must be done sooner than single publishes by this much: its callers wait for each other.
const WORTH: f64 = 0.7;
/// After so many batches it is looked at what single publishes cost now.
const LOOK_AGAIN: u32 = 64;
/// With so many of them.
const LOOK: usize = 4;
/// What is believed of a batch's events and seconds as long as nothing was measured, and a little for ever, so that
/// batches of one size make no nonsense of the line: one node with a fast disk.
const BELIEF: [(f64, f64); 2] = [(1.0, 0.002), (500.0, 0.008)];

impl Default for Cost {
    /// One node with a fast disk; the first answers correct it.
    fn default() -> Self {
        Self { alone: 0.000_2, line: Line::default(), last_single: None, unmeasured: 0 }
    }
}

impl Cost {
    /// Whether a batch of so many appends of one event is done sooner than each alone.
    pub(crate) fn favours_sharing(&self, singles: usize) -> bool {
        let (base, each) = self.line.through();
        base + each * count(singles) < self.alone * count(singles) * WORTH
    }

    /// Whether single publishes are due as a trial.
    pub(crate) fn is_trial_due(&self) -> bool {
        self.unmeasured >= LOOK_AGAIN
    }

    /// How many single publishes go as a trial now.
    pub(crate) fn trial(&mut self) -> usize {
        if !self.is_trial_due() {
            return 0;
        }
        self.unmeasured = 0;
        LOOK
    }

    /// A single publish, sent then, is stored now. `disturbed`: it had to wait for a batch first.
    pub(crate) fn learn_single(&mut self, sent: Instant, disturbed: bool) {
        let now = Instant::now();
        let last = self.last_single.replace(now).filter(|last| *last > sent);
        // Those under way side by side are done one after the other: what counts is the time since the last.
        let Some(begun) = last.or_else(|| (!disturbed).then_some(sent)) else { return };
        self.alone = self.alone * FORGET + (now - begun).as_secs_f64() * (1.0 - FORGET);
        self.unmeasured = 0;
        self.line.fade(0.999);
    }

    /// A batch of so many events, ended then, is stored now.
    pub(crate) fn learn_batch(&mut self, events: usize, ended: Instant) {
        self.unmeasured = self.unmeasured.saturating_add(1);
        if events > 1 {
            self.line.fade(FORGET);
            self.line.add(count(events), ended.elapsed().as_secs_f64());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
fn count(events: usize) -> f64 {
    events as f64
}

impl Line {
    fn fade(&mut self, keep: f64) {
        for sum in [&mut self.weight, &mut self.x, &mut self.y, &mut self.xx, &mut self.xy] {
            *sum *= keep;
        }
    }

    fn add(&mut self, x: f64, y: f64) {
        self.weight += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Where it begins, and how steep it is; neither is below nothing.
    fn through(&self) -> (f64, f64) {
        let mut all = self.clone();
        for (x, y) in BELIEF {
            all.add(x, y);
        }
        let spread = all.weight * all.xx - all.x * all.x;
        let steep = ((all.weight * all.xy - all.x * all.y) / spread).max(0.0);
        let begin = (all.y - steep * all.x) / all.weight;
        (begin.max(0.0), steep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(single: f64, base: f64, each: f64) -> Cost {
        let mut cost = Cost { alone: single, ..Cost::default() };
        for round in 1..400_u32 {
            let size = f64::from(round % 60 + 2);
            cost.line.fade(FORGET);
            cost.line.add(size, base + each * size);
        }
        cost
    }

    #[test]
    fn few_go_alone_and_many_share() {
        let cost = after(0.000_175, 0.001_9, 0.000_010_8);
        assert!(!cost.favours_sharing(2) && !cost.favours_sharing(8));
        assert!(cost.favours_sharing(24) && cost.favours_sharing(500));
    }

    #[test]
    fn where_singles_are_cheap_they_go_alone() {
        let cost = after(0.000_02, 0.01, 0.000_02);
        assert!(!cost.favours_sharing(200));
    }

    #[test]
    fn batches_of_one_size_leave_the_line_sound() {
        let mut cost = Cost::default();
        for round in 0..400_u32 {
            cost.line.fade(FORGET);
            cost.line.add(64.0, 0.003 + f64::from(round % 7) * 0.000_1);
        }
        let (base, each) = cost.line.through();
        assert!(base > 0.001 && base < 0.003_5, "{base}");
        assert!(each > 0.0 && each < 0.000_02, "{each}");
    }

    #[test]
    fn what_singles_cost_is_looked_at_again() {
        let mut cost = Cost::default();
        for _ in 0..LOOK_AGAIN {
            assert_eq!(cost.trial(), 0);
            cost.learn_batch(64, Instant::now());
        }
        assert_eq!((cost.trial(), cost.trial()), (LOOK, 0));
    }
}
