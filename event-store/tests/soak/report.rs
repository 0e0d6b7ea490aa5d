//! What it came to, in numbers, and all that does not fit together.

use std::fmt;
use std::time::{Duration, Instant};

use crate::told::check::{self, Told, Verdict};
use crate::told::raw::Line;

/// Without findings all is well.
#[derive(Debug)]
pub(crate) struct Report {
    took: Duration,
    commands: usize,
    verdicts: [usize; 3],
    again: usize,
    /// Those of more than a second.
    pauses: Vec<Duration>,
    events: usize,
    appends_of_several: usize,
    pub(crate) findings: Vec<String>,
}

impl Report {
    /// Holds what was told, and how much a reader has read, against the log.
    pub(crate) fn of(
        since: Instant,
        took: Duration,
        told: &[Told],
        log: &[Line],
        read: &Result<u64, String>,
    ) -> Self {
        let mut findings = check::contradictions(told, log);
        if *read != Ok(log.len() as u64) {
            findings.push(format!("a reader of the log has read {read:?} of {} events", log.len()));
        }
        let count = |verdict| told.iter().filter(|told| told.verdict == verdict).count();
        let mut done: Vec<Instant> =
            told.iter().filter(|told| told.verdict == Verdict::Done).map(|told| told.at).collect();
        done.sort_unstable();
        if done.len() < told.len() / 4 {
            findings.push(format!("hardly anything was done: {} of {}", done.len(), told.len()));
        }
        let before = std::iter::once(since).chain(done.iter().copied());
        let pauses = before.zip(&done).map(|(before, after)| *after - before);
        Self {
            took,
            commands: told.len(),
            verdicts: [Verdict::Done, Verdict::Refused, Verdict::Unknown].map(count),
            again: told.iter().filter(|told| told.commands.len() > 1).count(),
            pauses: pauses.filter(|pause| *pause > Duration::from_secs(1)).collect(),
            events: log.len(),
            appends_of_several: log.iter().filter(|line| line.part.0 == 2).count(),
            findings,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [done, refused, unknown] = self.verdicts;
        writeln!(
            f,
            "{} commands in {:.1?}, {} of them asked more than once",
            self.commands, self.took, self.again
        )?;
        writeln!(f, "told: {done} done, {refused} refused, {unknown} outcome unknown")?;
        writeln!(f, "log: {} events, {} appends of several", self.events, self.appends_of_several)?;
        let (longest, all) = (self.pauses.iter().max().copied(), self.pauses.iter().sum::<Duration>());
        let longest = longest.unwrap_or_default();
        writeln!(
            f,
            "times of more than a second without anything done: {}, the longest {longest:.1?}, together {all:.1?}",
            self.pauses.len()
        )?;
        write!(f, "findings: {}", self.findings.len())
    }
}
