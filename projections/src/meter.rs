//! How fast something goes, over the last few seconds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far back it looks.
const WINDOW: Duration = Duration::from_secs(5);

/// Counts what was done, and when.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    /// How much was done at each of these moments.
    done: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Which counts from this moment on.
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, done: VecDeque::new() }
    }

    /// So much more is done.
    pub(crate) fn add(&mut self, now: Instant, count: u64) {
        self.forget(now);
        self.done.push_back((now, count));
    }

    /// How many a second.
    pub(crate) fn rate(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let count: u64 = self.done.iter().map(|(_, count)| count).sum();
        let over = now.duration_since(self.began).min(WINDOW).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is for people; below 2^53 nothing is lost")]
        let count = count as f64;
        if over > 0.0 { count / over } else { 0.0 }
    }

    fn forget(&mut self, now: Instant) {
        while self.done.front().is_some_and(|(then, _)| now.duration_since(*then) > WINDOW) {
            self.done.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_was_long_ago() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut meter = Meter::new(began);
        meter.add(after(1), 300);
        assert!((meter.rate(after(1)) - 300.0).abs() < 0.1);
        assert!((meter.rate(after(5)) - 60.0).abs() < 0.1);
        assert!(meter.rate(after(7)) < f64::EPSILON);
    }
}
