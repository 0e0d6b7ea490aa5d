//! The whole log, read from its first message to its last, and everything that is wrong with it.
//!
//! - [`Category`]: which events the program can read
//! - `scan`: every message in order, and what is missing between them
//! - `check`: what is held against each message
//! - `envelope`: whether an event of ours has all that an event has
//!
//! What it keeps in memory grows with the log: 16 bytes for the id of each event, doubled by the set that they are
//! in, and the name and version of each entity.
//!
//! Deliberately not here: the bodies of other tools' events, and any repair.

mod check;
mod envelope;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use event_model::{Decider, Position, Recorded, event::Unreadable};

use crate::error::{Foreign, StoreError};
use crate::store::EventStore;
use crate::subscribe::Mark;
use check::Check;
use scan::{Met, Scan};

/// So many foreign messages are listed; the rest is counted.
const FOREIGN: usize = 20;
/// So many problems are listed; the rest is counted.
const PROBLEMS: usize = 1000;

/// A category whose events the program can read.
#[derive(Debug, Clone, Copy)]
pub struct Category {
    /// Its name, as in subjects.
    pub name: &'static str,
    decode: fn(&Recorded) -> Result<(), Unreadable>,
}

impl Category {
    /// That of a decider.
    pub fn of<D: Decider>() -> Self {
        Self { name: D::CATEGORY, decode: |event| event.decode::<D::Event>().map(drop) }
    }
}

/// A reader of the log, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What people call it.
    pub name: String,
    /// What it has read.
    pub mark: Mark,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub position: Position,
    /// What is wrong there.
    pub what: String,
}

/// How much there is of a category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Its events.
    pub events: u64,
    /// The entities that they are about.
    pub entities: u64,
}

/// The first of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The first of them.
    pub first: Vec<T>,
    /// All of them.
    pub count: u64,
}

/// What a log was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The last position that was looked at.
    pub head: Position,
    /// The categories that have events, other tools' too.
    pub categories: BTreeMap<String, Counts>,
    /// Messages that are no events: stepped over by every reader, no failure.
    pub foreign: Listed<Foreign>,
    /// What is wrong. Without one the log is as it must be.
    pub problems: Listed<Problem>,
}

impl EventStore {
    /// Reads the whole log up to where it ends now, and checks order, versions, ids, envelopes, data, appends, and
    /// that each reader's mark lies on it. Tells how far it is: a position, and the last one.
    ///
    /// Take the marks before: a reader goes on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker goes away. What is wrong with the log is no error here.
    pub async fn verify(
        &self,
        categories: &[Category],
        readers: &[Reader],
        mut progress: impl FnMut(Position, Position),
    ) -> Result<Verified, StoreError> {
        let mut scan = Scan::new(self).await?;
        let mut check = Check::new(categories, readers);
        while let Some(met) = scan.next(check.is_inside_an_append()).await? {
            match met {
                Met::Message(message) => check.message(message.stored()),
                Met::Nothing(from, to) => check.nothing(from, to),
            }
            progress(scan.read(), scan.head());
        }
        Ok(check.end(scan.head()))
    }
}

impl<T> Listed<T> {
    fn add(&mut self, most: usize, one: T) {
        self.count += 1;
        if self.first.len() < most {
            self.first.push(one);
        }
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}
