//! What an append costs, alone or shared, as measured so far.

use tokio::time::Instant;

/// A model of the broker, corrected by every answer: a single publish takes `alone`; a batch takes `base`, and `each`
/// for every event. All in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    alone: f64,
    line: Line,
    last_single: Option<Instant>,
}

/// A line through what was measured, where what is long ago counts less.
#[derive(Debug, Clone)]
struct Line {
    weight: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

/// How fast what was learnt is forgotten.
const FORGET: f64 = 0.97;

impl Default for Cost {
    /// One node with a fast disk; the first answers correct it.
    fn default() -> Self {
        let mut line = Line { weight: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0 };
        line.add(2.0, 0.002);
        line.add(500.0, 0.008);
        Self { alone: 0.000_2, line, last_single: None }
    }
}

impl Cost {
    /// Whether one batch is done sooner than each append alone.
    pub(crate) fn favours_sharing(&self, sizes: impl Iterator<Item = usize>, events: usize) -> bool {
        let alone: f64 = sizes.map(|size| if size == 1 { self.alone } else { self.batch(size) }).sum();
        self.batch(events) < alone
    }

    /// How many single publishes may be under way: as many as are done sooner than a batch of them.
    pub(crate) fn side_by_side(&self) -> usize {
        let (base, each) = self.line.through();
        let saved = self.alone - each;
        if saved <= 0.0 {
            return MOST_SINGLES;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count, not below 1"
        )]
        let most = (base / saved).clamp(1.0, 1e6) as usize;
        most.clamp(4, MOST_SINGLES)
    }

    /// So many events, sent then, are stored now.
    pub(crate) fn learn(&mut self, events: usize, sent: Instant) {
        let now = Instant::now();
        if events > 1 {
            self.line.add(count(events), (now - sent).as_secs_f64());
            return;
        }
        // Those under way side by side are done one after the other: what counts is the time since the last.
        let begun = self.last_single.map_or(sent, |last| last.max(sent));
        self.alone = self.alone * FORGET + (now - begun).as_secs_f64() * (1.0 - FORGET);
        self.last_single = Some(now);
    }

    fn batch(&self, events: usize) -> f64 {
        let (base, each) = self.line.through();
        base + each * count(events)
    }
}

const MOST_SINGLES: usize = 256;

#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
fn count(events: usize) -> f64 {
    events as f64
}

impl Line {
    fn add(&mut self, x: f64, y: f64) {
        for sum in [&mut self.weight, &mut self.x, &mut self.y, &mut self.xx, &mut self.xy] {
            *sum *= FORGET;
        }
        self.weight += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Where it begins, and how steep it is; neither is below nothing.
    fn through(&self) -> (f64, f64) {
        let spread = self.weight * self.xx - self.x * self.x;
        let steep = if spread > 1e-9 { (self.weight * self.xy - self.x * self.y) / spread } else { 0.0 };
        let steep = steep.max(0.0);
        let begin = (self.y - steep * self.x) / self.weight;
        (begin.max(0.0), steep)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn after(single: f64, base: f64, each: f64) -> Cost {
        let mut cost = Cost::default();
        let begun = Instant::now();
        for round in 1..400_u32 {
            let size = f64::from(round % 60 + 2);
            cost.line.add(size, base + each * size);
            cost.alone = single;
        }
        cost.last_single = Some(begun - Duration::from_secs(1));
        cost
    }

    #[test]
    fn few_go_alone_and_many_share() {
        let cost = after(0.000_175, 0.001_9, 0.000_010_8);
        let singles = |count: usize| cost.favours_sharing(std::iter::repeat_n(1, count), count);
        assert!(!singles(2) && !singles(8));
        assert!(singles(16) && singles(500));
        assert!((8..16).contains(&cost.side_by_side()), "{}", cost.side_by_side());
    }

    #[test]
    fn appends_of_several_events_gain_by_sharing_at_once() {
        let cost = after(0.000_175, 0.001_9, 0.000_010_8);
        assert!(cost.favours_sharing([2, 2].into_iter(), 4));
    }

    #[test]
    fn where_singles_are_cheap_they_go_alone() {
        let cost = after(0.000_02, 0.01, 0.000_02);
        assert!(!cost.favours_sharing(std::iter::repeat_n(1, 200), 200));
        assert_eq!(cost.side_by_side(), MOST_SINGLES);
    }
}
