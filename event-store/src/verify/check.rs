//! What is held against each message, and what it comes to.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_nats::HeaderMap;
use event_model::{Position, Recorded, Version};
use time::OffsetDateTime;

use super::{Category, Counts, FOREIGN, Listed, PROBLEMS, Problem, Reader, Verified, envelope};
use crate::envelope::{Entry, Stored, read};
use crate::error::Foreign;
use crate::parts::{Begun, Parts, Stray};
use crate::subscribe::Mark;

/// What the log was so far.
pub(super) struct Check<'a> {
    known: &'a [Category],
    readers: Vec<&'a Reader>,
    /// When the message before was stored.
    time: OffsetDateTime,
    ids: HashSet<u128>,
    /// The version of each entity, by category and id.
    versions: BTreeMap<String, HashMap<String, Version>>,
    events: BTreeMap<String, u64>,
    parts: Parts,
    foreign: Listed<Foreign>,
    problems: Listed<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(known: &'a [Category], readers: &'a [Reader]) -> Self {
        Self {
            known,
            readers: readers.iter().filter(|reader| reader.mark.position > Position::START).collect(),
            time: OffsetDateTime::UNIX_EPOCH,
            ids: HashSet::new(),
            versions: BTreeMap::new(),
            events: BTreeMap::new(),
            parts: Parts::default(),
            foreign: Listed::default(),
            problems: Listed::default(),
        }
    }

    /// Whether more parts of an append must follow.
    pub(super) fn is_inside_an_append(&self) -> bool {
        self.parts.are_open()
    }

    /// The message at the next position.
    pub(super) fn message(&mut self, stored: Stored<'_>) {
        let (position, time, headers) = (stored.position, stored.time, stored.headers);
        if time < self.time {
            let what =
                format!("stored at {time}, before the message in front of it, stored at {}", self.time);
            self.problem(position, what);
        }
        self.time = time;
        let entry = read(stored);
        self.readers(&entry);
        match entry {
            Entry::Event(event) => self.event(&event, headers),
            Entry::Foreign(foreign) if envelope::is_ours(headers) => self.problem(position, foreign.reason),
            Entry::Foreign(foreign) => self.foreign.add(FOREIGN, foreign),
        }
    }

    /// The broker gives nothing at these positions.
    pub(super) fn nothing(&mut self, from: Position, to: Position) {
        let what = if from == to {
            "nothing lies here: a message is missing or cannot be read".to_owned()
        } else {
            format!("nothing lies here up to position {to}: messages are missing or cannot be read")
        };
        self.problem(from, what);
        let lost = self.standing(|position| position <= to);
        self.off(lost, "no message lies there");
    }

    /// All was read.
    pub(super) fn end(mut self, head: Position) -> Verified {
        for Begun { position, last, .. } in std::mem::take(&mut self.parts).end() {
            self.problem(position, format!("the append that begins here is cut off after part {last}"));
        }
        let beyond = self.standing(|_| true);
        self.off(beyond, &format!("the log ends at {head}"));
        let versions = &self.versions;
        let counts = |(category, events): (String, u64)| {
            let entities = versions.get(&category).map_or(0, |entities| entities.len() as u64);
            (category, Counts { events, entities })
        };
        let categories = self.events.into_iter().map(counts).collect();
        Verified { head, categories, foreign: self.foreign, problems: self.problems }
    }

    fn problem(&mut self, position: Position, what: String) {
        self.problems.add(PROBLEMS, Problem { position, what });
    }

    /// The readers that stand here must have read this.
    fn readers(&mut self, entry: &Entry) {
        let here = Mark::on(entry);
        let mut standing = self.standing(|position| position == here.position);
        standing.retain(|reader| reader.mark != here);
        self.off(standing, "another message lies there");
    }

    /// Takes out the readers that stand at such a position.
    fn standing(&mut self, at: impl Fn(Position) -> bool) -> Vec<&'a Reader> {
        let readers = std::mem::take(&mut self.readers);
        let (standing, left) = readers.into_iter().partition(|reader| at(reader.mark.position));
        self.readers = left;
        standing
    }

    fn off(&mut self, readers: Vec<&Reader>, why: &str) {
        for Reader { name, mark } in readers {
            let id = mark.id.map_or_else(|| "a message that is no event".to_owned(), |id| id.to_string());
            let what = format!("{name} has read the log up to {id} at position {}: {why}", mark.position);
            self.problem(mark.position, what);
        }
    }

    fn event(&mut self, event: &Recorded, headers: Option<&HeaderMap>) {
        let known = self.known.iter().find(|category| category.name == event.entity.category);
        let ours = envelope::is_ours(headers);
        let read = known.map_or(Ok(()), |category| (category.decode)(event));
        if !ours && known.is_some() && (read.is_err() || event.version != Some(self.next_version(event))) {
            let reason = "a foreign hand put it under an entity of ours: readers step over it".to_owned();
            let subject = crate::subjects::stored(&event.entity);
            self.foreign.add(FOREIGN, Foreign { position: event.position, subject, reason });
            return;
        }
        *self.events.entry(event.entity.category.clone()).or_default() += 1;
        if !ours && known.is_none() {
            let entities = self.versions.entry(event.entity.category.clone()).or_default();
            entities.entry(event.entity.id.clone()).or_default();
            return;
        }
        // From here on it is one that readers count, or one that says so.
        if let Some(wrong) = envelope::wrong(headers, &event.entity) {
            self.problem(event.position, wrong);
        }
        if let Err(error) = read {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            self.problem(
                event.position,
                format!("{error}{cause}: if a newer program wrote it, run that one"),
            );
        }
        if !self.ids.insert(event.id.as_u128()) {
            self.problem(event.position, format!("an event before has its id {}", event.id));
        }
        if let Err(Stray(part)) = self.parts.take(event) {
            self.problem(event.position, format!("part {part} of an append without the parts before it"));
        }
        self.version(event);
    }

    fn next_version(&self, event: &Recorded) -> Version {
        let entities = self.versions.get(&event.entity.category);
        entities.and_then(|entities| entities.get(&event.entity.id)).copied().unwrap_or_default().next()
    }

    fn version(&mut self, event: &Recorded) {
        let Some(version) = event.version else { return };
        let next = self.next_version(event);
        if version != next {
            let what = format!("{} has version {version} here, {next} would follow", event.entity);
            self.problem(event.position, what);
        }
        // What follows a gap is not wrong again.
        let reached = version.max(Version::new(next.get() - 1));
        let entities = self.versions.entry(event.entity.category.clone()).or_default();
        entities.insert(event.entity.id.clone(), reached);
    }
}
