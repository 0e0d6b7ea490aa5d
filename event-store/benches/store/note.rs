//! A pad of notes, to measure with.

use std::convert::Infallible;

use event_model::{Decider, Event, Metadata};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::raw::DATA;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pad {
    pub notes: u64,
    pub letters: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PadEvent {
    NoteTaken { text: String },
}

impl Event for PadEvent {
    const TYPES: &'static [&'static str] = &["note-taken"];

    fn event_type(&self) -> &'static str {
        "note-taken"
    }
}

/// Takes so many notes at once.
#[derive(Debug, Clone)]
pub struct Take(pub usize);

impl Decider for Pad {
    const CATEGORY: &'static str = "pad";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = Take;
    type Event = PadEvent;
    type Rejection = Infallible;

    fn decide(&self, Take(notes): Take) -> Result<Vec<PadEvent>, Infallible> {
        Ok(vec![note(); notes])
    }

    fn evolve(self, PadEvent::NoteTaken { text }: PadEvent) -> Self {
        Self { notes: self.notes + 1, letters: self.letters + text.len() as u64 }
    }
}

/// An event whose data are as long as those that are published raw.
pub fn note() -> PadEvent {
    PadEvent::NoteTaken { text: "x".repeat(DATA - r#"{"text":""}"#.len()) }
}

/// A command of its own.
pub fn command() -> Metadata {
    Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc())
}
