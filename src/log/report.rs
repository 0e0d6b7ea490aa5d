//! What `jetsource log verify` found, for people and as JSON.

use std::io::{self, Write};

use event_model::Position;
use event_store::Foreign;
use event_store::verify::{Counts, Problem, Reader, Verified};
use serde::Serialize;
use uuid::Uuid;

use crate::exit::Failure;
use crate::printed::{self, Form};

/// All of it, as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    head: Position,
    events: u64,
    entities: u64,
    categories: Vec<OfCategory<'a>>,
    readers: Vec<Standing<'a>>,
    foreign: Listing<Stranger<'a>>,
    problems: Listing<Wrong<'a>>,
}

/// How much there is of a category.
#[derive(Debug, Serialize)]
struct OfCategory<'a> {
    category: &'a str,
    events: u64,
    entities: u64,
}

/// A reader whose mark was looked at.
#[derive(Debug, Serialize)]
struct Standing<'a> {
    name: &'a str,
    position: Position,
    id: Option<Uuid>,
}

/// The first of many.
#[derive(Debug, Serialize)]
struct Listing<T> {
    count: u64,
    first: Vec<T>,
}

/// A message that is no event.
#[derive(Debug, Serialize)]
struct Stranger<'a> {
    position: Position,
    subject: &'a str,
    reason: &'a str,
}

/// A problem.
#[derive(Debug, Serialize)]
struct Wrong<'a> {
    position: Position,
    problem: &'a str,
}

/// Prints it on standard output.
pub(super) fn print(verified: &Verified, readers: &[Reader], form: Form) -> Result<(), Failure> {
    let report = Report::of(verified, readers);
    let mut out = io::stdout().lock();
    match form {
        Form::Json => writeln!(out, "{}", printed::json(&report)?)?,
        Form::Text => report.write(&mut out)?,
    }
    Ok(())
}

impl<'a> Report<'a> {
    fn of(verified: &'a Verified, readers: &'a [Reader]) -> Self {
        let Verified { head, categories, foreign, problems } = verified;
        let of_category = |(category, Counts { events, entities }): (&'a String, &Counts)| OfCategory {
            category,
            events: *events,
            entities: *entities,
        };
        let stranger = |foreign: &'a Foreign| Stranger {
            position: foreign.position,
            subject: &foreign.subject,
            reason: &foreign.reason,
        };
        let standing = |reader: &'a Reader| Standing {
            name: &reader.name,
            position: reader.mark.position,
            id: reader.mark.id,
        };
        let wrong = |problem: &'a Problem| Wrong { position: problem.position, problem: &problem.what };
        Self {
            ok: problems.count == 0,
            head: *head,
            events: categories.values().map(|counts| counts.events).sum(),
            entities: categories.values().map(|counts| counts.entities).sum(),
            categories: categories.iter().map(of_category).collect(),
            readers: readers.iter().map(standing).collect(),
            foreign: Listing { count: foreign.count, first: foreign.first.iter().map(stranger).collect() },
            problems: Listing { count: problems.count, first: problems.first.iter().map(wrong).collect() },
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { head, events, entities, categories, readers, foreign, problems, .. } = self;
        writeln!(out, "the log up to position {head}: {events} events of {entities} entities")?;
        for OfCategory { category, events, entities } in categories {
            writeln!(out, "  {category}: {events} events of {entities} entities")?;
        }
        if readers.is_empty() {
            writeln!(out, "readers: none found, so no mark was checked; name the read models with --views")?;
        }
        for Standing { name, position, .. } in readers {
            writeln!(out, "{name}: has read up to position {position}")?;
        }
        writeln!(out, "foreign messages: {}{}", foreign.count, foreign.listed())?;
        for Stranger { position, subject, reason } in &foreign.first {
            writeln!(out, "  {position:>8}  {subject}  {reason}")?;
        }
        writeln!(out, "problems: {}{}", problems.count, problems.listed())?;
        for Wrong { position, problem } in &problems.first {
            writeln!(out, "  {position:>8}  {problem}")?;
        }
        Ok(())
    }
}

impl<T> Listing<T> {
    fn listed(&self) -> String {
        match self.first.len() {
            listed if listed as u64 == self.count => String::new(),
            listed => format!(", the first {listed}:"),
        }
    }
}
