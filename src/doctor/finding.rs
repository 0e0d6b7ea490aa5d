//! What a check has found.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// How it is. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Nobody knows: the check could not be made.
    Unknown,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or may lose something.
    Problem,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) seen: String,
    /// What to do.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Verdict {
    /// Whether somebody has something to do.
    pub(super) fn is_to_do(self) -> bool {
        matches!(self, Self::Warning | Self::Problem)
    }

    fn word(self) -> (&'static str, Style) {
        match self {
            Self::Ok => ("ok", AnsiColor::Green.on_default()),
            Self::Unknown => ("unknown", AnsiColor::Cyan.on_default()),
            Self::Warning => ("warning", AnsiColor::Yellow.on_default()),
            Self::Problem => ("problem", AnsiColor::Red.on_default().bold()),
        }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, seen: impl Display) -> Self {
        Self { check, verdict: Verdict::Ok, seen: seen.to_string(), advice: None }
    }

    /// The check could not be made, for this reason.
    pub(super) fn unknown(check: &'static str, why: impl Display) -> Self {
        Self { check, verdict: Verdict::Unknown, seen: format!("not checked: {why}"), advice: None }
    }

    pub(super) fn warning(check: &'static str, seen: impl Display, advice: impl Display) -> Self {
        let (seen, advice) = (seen.to_string(), Some(advice.to_string()));
        Self { check, verdict: Verdict::Warning, seen, advice }
    }

    pub(super) fn problem(check: &'static str, seen: impl Display, advice: impl Display) -> Self {
        let (seen, advice) = (seen.to_string(), Some(advice.to_string()));
        Self { check, verdict: Verdict::Problem, seen, advice }
    }

    /// A line, and one more where there is something to do.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { check, verdict, seen, advice } = self;
        let (word, style) = verdict.word();
        writeln!(out, "{style}{word:<8}{style:#} {check:<12} {seen}")?;
        advice.iter().try_for_each(|advice| writeln!(out, "{:>21} do: {advice}", ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_is_the_greatest() {
        let all = [Verdict::Ok, Verdict::Unknown, Verdict::Warning, Verdict::Problem];
        assert!(all.is_sorted());
        assert_eq!(all.map(Verdict::is_to_do), [false, false, true, true]);
    }

    #[test]
    fn what_to_do_stands_below_what_was_seen() {
        let mut out = Vec::new();
        Finding::warning("disk", "half full", "tidy up").print(&mut out).unwrap();
        let plain = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(plain, "warning  disk         half full\n                      do: tidy up\n");
    }
}
