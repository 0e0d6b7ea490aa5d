//! Whether a listener still takes what it is given. One that fell behind and does not take what waits for it is told
//! that it is too slow; one that takes nothing at all any more loses its connection.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::line::Line;

/// How long a listener that fell behind may take for what waits for it.
const TO_TAKE: Duration = Duration::from_secs(5);
/// How long a listener may take nothing at all; one that is well takes a comment every 15 s.
const TO_LIVE: Duration = Duration::from_secs(40);
/// How often all are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// One listener's pulse.
#[derive(Debug)]
pub(crate) struct Pulse {
    line: Line,
    beat: Mutex<Beat>,
}

#[derive(Debug, Clone, Copy)]
struct Beat {
    last: Instant,
    fell: Option<Instant>,
    too_slow: bool,
}

/// The pulses of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulses(Arc<Mutex<Vec<Weak<Pulse>>>>);

impl Pulse {
    pub(crate) fn new(line: Line) -> Self {
        line.streams();
        Self { line, beat: Mutex::new(Beat { last: Instant::now(), fell: None, too_slow: false }) }
    }

    /// It takes something.
    pub(crate) fn beats(&self) {
        self.with(|beat| beat.last = Instant::now());
    }

    /// There was no room for more.
    pub(crate) fn falls_behind(&self) {
        self.with(|beat| beat.fell = Some(Instant::now()));
        metrics::counter!("jetsource_listeners_behind_total").increment(1);
    }

    /// Whether there was no room for more, and it has not caught up since.
    #[cfg(test)]
    pub(crate) fn is_behind(&self) -> bool {
        self.with(|beat| beat.fell.is_some())
    }

    /// Whether it did not take in time what waited for it. If it did, it may go on.
    pub(crate) fn was_too_slow(&self) -> bool {
        self.with(|beat| {
            beat.fell = None;
            beat.too_slow
        })
    }

    fn look(&self, now: Instant) {
        let late = |since: Instant, limit| now.saturating_duration_since(since) > limit;
        let (newly, gone) = self.with(|beat| {
            let newly = !beat.too_slow && beat.fell.is_some_and(|fell| late(fell, TO_TAKE));
            beat.too_slow |= newly;
            (newly, late(beat.last, TO_LIVE))
        });
        if newly {
            metrics::counter!("jetsource_listeners_too_slow_total").increment(1);
        }
        if gone {
            self.line.cut();
        }
    }

    fn with<T>(&self, then: impl FnOnce(&mut Beat) -> T) -> T {
        then(&mut self.beat.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.line.streams_no_more();
    }
}

impl Pulses {
    /// Looks after one more.
    pub(crate) fn add(&self, pulse: &Arc<Pulse>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(pulse));
        if all.len() == 1 {
            tokio::spawn(self.clone().look());
        }
    }

    /// Ends when there is none left; the next one starts it again.
    async fn look(self) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = tick.tick().await;
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|pulse| pulse.upgrade().inspect(|pulse| pulse.look(now)).is_some());
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
            metrics::gauge!("jetsource_listeners").set(all.len() as f64);
            if all.is_empty() {
                return;
            }
        }
    }
}
