//! What is told again and again, for those who watch.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is told.
const EVERY: Duration = Duration::from_secs(1);
/// From the top of an empty screen.
const CLEARED: &str = "\x1b[H\x1b[2J";

/// The moments at which it is told: now, and every second.
#[derive(Debug)]
pub(crate) struct Moments(Interval);

impl Moments {
    pub(crate) fn begin() -> Self {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(ticks)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        self.0.tick().await;
    }
}

/// On a terminal, what is told takes the place of what was told before.
pub(crate) fn clear(out: &mut (impl Write + IsTerminal)) -> io::Result<()> {
    if out.is_terminal() { write!(out, "{CLEARED}") } else { Ok(()) }
}
