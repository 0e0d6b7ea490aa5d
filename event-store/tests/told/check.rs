//! What callers were told, held against what the log holds.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use uuid::Uuid;

use super::caller::event_id;
use super::raw::Line;

/// What a caller may rely on in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is in the log, once.
    Done,
    /// It is not in the log, and never will be.
    Refused,
    /// Nothing of this call is in the log.
    NotNow,
    /// It is in the log once, or not at all.
    Unknown,
}

/// One command: what it asked for, and what the caller was told.
#[derive(Debug)]
pub(crate) struct Told {
    /// How many coins it adds, and only it.
    pub(crate) number: u64,
    /// The jar of each of its events, in order.
    pub(crate) jars: Vec<String>,
    /// The ids under which it was sent.
    pub(crate) commands: Vec<Uuid>,
    /// What each of them was told.
    pub(crate) answers: Vec<String>,
    pub(crate) verdict: Verdict,
    /// Version and position of the last event on its first jar.
    pub(crate) lies: Option<(u64, u64)>,
    /// When.
    pub(crate) at: Instant,
}

/// All that does not fit together.
pub(crate) fn contradictions<'a>(told: impl IntoIterator<Item = &'a Told>, log: &[Line]) -> Vec<String> {
    let mut wrong = shape(log);
    let mut effects: HashMap<u64, Vec<&Line>> = HashMap::new();
    for line in log {
        if let Some(coins) = line.coins {
            effects.entry(coins).or_default().push(line);
        }
    }
    for told in told {
        let stored = effects.remove(&told.number).unwrap_or_default();
        if let Some(why) = contradiction(told, &stored) {
            wrong.push(format!("{why}: {told:?} {stored:?}"));
        }
    }
    wrong.extend(effects.into_values().map(|lines| format!("nobody asked for this: {lines:?}")));
    wrong
}

/// What is wrong with the log whatever anybody was told.
fn shape(log: &[Line]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ids = HashSet::new();
    let mut versions: HashMap<&str, u64> = HashMap::new();
    let mut open: Option<&Line> = None;
    for (line, position) in log.iter().zip(1..) {
        if line.sequence != position {
            wrong.push(format!("position {position} is missing: {line:?}"));
        }
        if !ids.insert(&line.id) {
            wrong.push(format!("an id is there twice: {line:?}"));
        }
        let version = versions.entry(&line.jar).or_default();
        *version += 1;
        if line.version != *version {
            wrong.push(format!("version {version} is missing: {line:?}"));
        }
        let follows = open.map_or(line.part.0 == 1, |before| {
            line.command == before.command && line.part == (before.part.0 + 1, before.part.1)
        });
        if !follows {
            wrong.push(format!("an append is not whole before {line:?}"));
        }
        open = (line.part.0 < line.part.1).then_some(line);
    }
    if open.is_some() {
        wrong.push(format!("an append is not whole at the end: {open:?}"));
    }
    wrong
}

fn contradiction(told: &Told, stored: &[&Line]) -> Option<&'static str> {
    match (told.verdict, stored.is_empty()) {
        (Verdict::Done, true) => return Some("told done, and not stored"),
        (Verdict::Refused | Verdict::NotNow, false) => return Some("told refused, and stored"),
        (_, true) => return None,
        (Verdict::Done | Verdict::Unknown, false) => {}
    }
    if stored.len() > told.jars.len() {
        return Some("stored more than once");
    }
    if !stored.iter().map(|line| &line.jar).eq(&told.jars)
        || stored.iter().any(|line| line.kind != "coins-added")
    {
        return Some("stored otherwise than asked");
    }
    let index = |at: usize| told.jars[..at].iter().filter(|jar| **jar == told.jars[at]).count();
    let of = |command: Uuid| {
        stored.iter().enumerate().all(|(at, line)| {
            line.command == command.to_string() && line.id == event_id(command, &line.jar, index(at))
        })
    };
    if !told.commands.iter().any(|command| of(*command)) {
        return Some("stored under another id");
    }
    let last = stored.iter().rfind(|line| line.jar == told.jars[0])?;
    if told.lies.is_some_and(|lies| lies != (last.version, last.sequence)) {
        return Some("told another place than where it lies");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(verdict: Verdict) -> Told {
        let jars = vec!["a".to_owned(), "b".to_owned()];
        let (commands, answers, at) = (vec![Uuid::nil()], Vec::new(), Instant::now());
        Told { number: 7, jars, commands, answers, verdict, lies: None, at }
    }

    fn stored() -> Vec<Line> {
        let line = |sequence: u64, jar: &str| Line {
            sequence,
            jar: jar.to_owned(),
            id: event_id(Uuid::nil(), jar, 0),
            kind: "coins-added".to_owned(),
            version: 1,
            part: (sequence, 2),
            command: Uuid::nil().to_string(),
            coins: Some(7),
        };
        vec![line(1, "a"), line(2, "b")]
    }

    #[test]
    fn what_fits_is_not_complained_of() {
        for (verdict, log) in [
            (Verdict::Done, stored()),
            (Verdict::Unknown, stored()),
            (Verdict::Unknown, vec![]),
            (Verdict::Refused, vec![]),
        ] {
            assert_eq!(contradictions(&[told(verdict)], &log), Vec::<String>::new());
        }
    }

    #[test]
    fn each_lie_is_noticed() {
        let noticed = |verdict, log: &[Line]| !contradictions(&[told(verdict)], log).is_empty();
        assert!(noticed(Verdict::Done, &[]));
        assert!(noticed(Verdict::Refused, &stored()));
        assert!(noticed(Verdict::Done, &stored()[..1]), "half an append");
        let mut twice = stored();
        twice.extend(stored());
        assert!(noticed(Verdict::Unknown, &twice));
        for spoil in [
            |line: &mut Line| line.version = 3,
            |line: &mut Line| line.sequence = 9,
            |line: &mut Line| line.id = String::new(),
            |line: &mut Line| line.command = String::new(),
            |line: &mut Line| line.jar = "c".to_owned(),
            |line: &mut Line| line.coins = Some(8),
        ] {
            let mut log = stored();
            spoil(&mut log[1]);
            assert!(noticed(Verdict::Done, &log), "{log:?}");
        }
    }
}
