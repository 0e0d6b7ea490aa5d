//! How an import goes, and what came of it.

use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::post::Answer;
use crate::exit::{Exit, Failure};
use crate::printed::Form;

/// So many lines are listed with their reasons; the rest is counted.
const LISTED: usize = 1000;

/// What came of an import, in the form in which it is printed as JSON.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Commands that were posted.
    sent: u64,
    /// Commands that are done.
    accepted: u64,
    /// Those of them that an earlier import had done.
    replayed: u64,
    /// Lines that have to be corrected.
    refused: u64,
    /// Lines that have to be tried again.
    failed: u64,
    /// The highest position of what was accepted.
    position: Option<u64>,
    /// Whether the lists show it.
    shown: bool,
    /// The first line that was not tried any more, because nobody answered.
    stopped_at: Option<u64>,
    /// The lines that were refused or failed, the first thousand.
    lines: Vec<Remark>,
    #[serde(skip)]
    behind: Option<String>,
    #[serde(skip)]
    bar: Option<ProgressBar>,
}

/// A line that is not done, and why.
#[derive(Debug, Serialize)]
struct Remark {
    line: u64,
    outcome: &'static str,
    status: Option<u16>,
    reason: String,
}

impl Report {
    /// Of an input of so many bytes. On a terminal it shows how it goes.
    pub(crate) fn new(length: Option<u64>) -> Self {
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = if length.is_some() { "{bar:40} {percent:>3}%  {msg}" } else { "{spinner} {msg}" };
        // The usual style will do, should the template be wrong.
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar: Some(bar), ..Self::default() }
    }

    /// What came of a line that was posted.
    pub(crate) fn add(&mut self, line: u64, answer: Answer) {
        self.sent += 1;
        match answer {
            Answer::Accepted { position, replayed } => {
                self.accepted += 1;
                self.replayed += u64::from(replayed);
                self.position = self.position.max(position);
            }
            Answer::Refused { status, reason } => {
                self.refused += 1;
                self.remark(Remark { line, outcome: "refused", status: Some(status), reason });
            }
            Answer::Failed { status, reason } => {
                self.failed += 1;
                self.remark(Remark { line, outcome: "failed", status, reason });
            }
        }
    }

    /// A line that could not be posted.
    pub(crate) fn malformed(&mut self, line: u64, reason: String) {
        self.refused += 1;
        self.remark(Remark { line, outcome: "refused", status: None, reason });
    }

    /// From this line on nothing was posted: nobody answers.
    pub(crate) fn stopped(&mut self, line: u64) {
        self.stopped_at = Some(line);
    }

    /// So many more bytes of the input are done.
    pub(crate) fn progress(&self, length: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(length);
            bar.set_message(self.counts());
        }
    }

    /// All is posted; the lists are waited for.
    pub(crate) fn waiting(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}; waiting for the lists", self.counts()));
        }
    }

    /// The highest position of what was accepted.
    pub(crate) fn position(&self) -> Option<u64> {
        self.position
    }

    /// Whether the lists show what was accepted.
    pub(crate) fn lists(&mut self, shown: Result<(), String>) {
        self.shown = shown.is_ok();
        self.behind = shown.err();
    }

    /// The summary, on standard output.
    pub(crate) fn print(&mut self, form: Form) -> Result<(), Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.shown |= self.position.is_none();
        self.lines.sort_by_key(|remark| remark.line);
        let mut out = io::stdout().lock();
        if form == Form::Json {
            writeln!(out, "{}", serde_json::to_string(self).map_err(anyhow::Error::from)?)?;
            return Ok(());
        }
        for Remark { line, outcome, status, reason } in &self.lines {
            let status = status.map(|status| format!("{status} ")).unwrap_or_default();
            writeln!(out, "line {line} {outcome}: {status}{reason}")?;
        }
        let more = (self.refused + self.failed).saturating_sub(self.lines.len() as u64);
        if more > 0 {
            writeln!(out, "and {more} more lines")?;
        }
        if self.replayed > 0 {
            writeln!(out, "{}; {} had been accepted before", self.counts(), self.replayed)?;
        } else {
            writeln!(out, "{}", self.counts())?;
        }
        Ok(())
    }

    /// Done when every line was accepted and the lists show it.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        let failed = |line| Err(Failure::new(Exit::Failed, line));
        if let Some(line) = self.stopped_at {
            return failed(format!(
                "the API does not answer any more, line {line} and what follows was not sent: import the file again \
                 when it does"
            ));
        }
        if self.refused > 0 {
            return failed(format!(
                "{} lines were refused: correct them, and import them again",
                self.refused
            ));
        }
        if self.failed > 0 {
            return failed(format!("{} lines failed: import the file again", self.failed));
        }
        match &self.behind {
            Some(reason) => {
                failed(format!("all lines were accepted, the lists do not show them yet: {reason}"))
            }
            None => Ok(()),
        }
    }

    fn remark(&mut self, remark: Remark) {
        if self.lines.len() < LISTED {
            self.lines.push(remark);
        }
    }

    fn counts(&self) -> String {
        let Self { sent, accepted, refused, failed, .. } = self;
        format!("sent {sent}, accepted {accepted}, refused {refused}, failed {failed}")
    }
}
