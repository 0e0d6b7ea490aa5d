//! What is held against a log, message by message.

use async_nats::HeaderMap;
use bytes::Bytes;
use event_model::{EntityName, Event, Metadata, Part, Version, event_id};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::envelope::{Draft, Stored, headers};
use crate::subjects;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Door;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DoorEvent {
    DoorOpened { times: u64 },
}

impl Event for DoorEvent {
    const TYPES: &'static [&'static str] = &["door-opened"];

    fn event_type(&self) -> &'static str {
        "door-opened"
    }
}

impl Decider for Door {
    const CATEGORY: &'static str = "door";
    const STATE_FORMAT: u32 = 1;
    type Id = String;
    type Command = ();
    type Event = DoorEvent;
    type Rejection = std::convert::Infallible;

    fn decide(&self, (): ()) -> Result<Vec<DoorEvent>, Self::Rejection> {
        Ok(vec![])
    }

    fn evolve(self, _: DoorEvent) -> Self {
        self
    }
}

/// A message of the log that a test makes.
#[derive(Clone)]
struct Laid {
    subject: String,
    headers: Option<HeaderMap>,
    data: &'static str,
    second: i64,
}

fn door(id: &str, version: u64, command: u128, part: Option<Part>) -> Laid {
    let entity = EntityName::new("door", id);
    let command = Uuid::from_u128(command);
    let index = part.map_or(0, |part| part.number as usize - 1);
    let id = event_id(command, &entity, index);
    let (event_type, version, data) = ("door-opened", Version::new(version), Bytes::new());
    let draft = Draft { id, event_type, version, data };
    let metadata = Metadata::first(command, OffsetDateTime::UNIX_EPOCH);
    let headers = Some(headers(&draft, &entity, &metadata, part).unwrap());
    Laid { subject: subjects::stored(&entity), headers, data: r#"{"times":1}"#, second: 0 }
}

impl Laid {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.as_mut().unwrap().insert(name, value);
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        let kept = self.headers.unwrap();
        let kept = kept.iter().filter(|(header, _)| header.to_string() != name);
        let mut headers = HeaderMap::new();
        kept.for_each(|(name, values)| headers.insert(name.clone(), values[0].clone()));
        self.headers = Some(headers);
        self
    }

    fn data(self, data: &'static str) -> Self {
        Self { data, ..self }
    }
}

fn part(number: u32, of: u32) -> Part {
    Part { number, of }
}

fn verified(log: &[Laid], readers: &[Reader]) -> Verified {
    let known = [Category::of::<Door>()];
    let mut check = Check::new(&known, readers);
    for (position, laid) in (1..).zip(log) {
        let Laid { subject, headers, data, second } = laid;
        let time = OffsetDateTime::UNIX_EPOCH + Duration::seconds(*second);
        let (position, data) = (Position::new(position), Bytes::from_static(data.as_bytes()));
        check.message(Stored { subject, position, time, headers: headers.as_ref(), data });
    }
    check.end(Position::new(log.len() as u64))
}

/// The one problem of a log.
#[track_caller]
fn problem(log: &[Laid]) -> (u64, String) {
    let verified = verified(log, &[]);
    assert_eq!(verified.problems.count, 1, "{:?}", verified.problems);
    let problem = &verified.problems.first[0];
    (problem.position.get(), problem.what.clone())
}

#[track_caller]
fn is_wrong(log: &[Laid], at: u64, says: &str) {
    let (position, what) = problem(log);
    assert!(position == at && what.contains(says), "{position}: {what}");
}

#[test]
fn a_good_log_has_no_problem() {
    let log = [
        door("a", 1, 1, Some(part(1, 3))),
        door("a", 2, 1, Some(part(2, 3))),
        door("b", 1, 1, Some(part(3, 3))),
        door("b", 2, 2, None),
        door("a", 3, 3, Some(part(1, 2))),
        door("b", 3, 3, Some(part(2, 2))),
    ];
    let verified = verified(&log, &[]);
    assert_eq!(verified.problems, Listed::default());
    assert_eq!(verified.categories["door"], Counts { events: 6, entities: 2 });
}

#[test]
fn a_version_that_does_not_follow_is_told_once() {
    let follow = |version| door("a", version, u128::from(version), None);
    is_wrong(&[follow(1), follow(3), follow(4)], 2, "has version 3 here, 2 would follow");
    is_wrong(&[follow(2)], 1, "1 would follow");
    is_wrong(&[follow(1), follow(2), door("a", 2, 9, None), follow(3)], 3, "3 would follow");
}

#[test]
fn an_append_that_is_not_whole_is_told() {
    let whole = door("c", 1, 9, None);
    is_wrong(&[door("a", 1, 1, Some(part(1, 2))), whole.clone()], 1, "cut off after part 1/2");
    is_wrong(&[door("a", 1, 1, Some(part(1, 2)))], 1, "cut off after part 1/2");
    is_wrong(&[whole, door("a", 1, 1, Some(part(2, 2)))], 2, "without the parts before it");
    let of_another = [door("a", 1, 1, Some(part(1, 2))), door("b", 1, 2, Some(part(2, 2)))];
    let told: Vec<_> =
        verified(&of_another, &[]).problems.first.into_iter().map(|problem| problem.what).collect();
    assert!(
        told[0].contains("without the parts before it") && told[1].contains("cut off after part 1/2"),
        "{told:?}"
    );
}

#[test]
fn an_append_that_got_its_rest_later_is_whole() {
    let log = [
        door("a", 1, 1, Some(part(1, 3))),
        door("c", 1, 9, None),
        door("a", 2, 1, Some(part(2, 3))),
        door("b", 1, 1, Some(part(3, 3))),
    ];
    assert_eq!(verified(&log, &[]).problems, Listed::default());
}

#[test]
fn an_envelope_that_is_not_complete_is_told() {
    let good = door("a", 1, 1, None);
    for name in ["ce-specversion", "ce-time", "ce-datacontenttype", "ce-causationid", "ce-correlationid"] {
        is_wrong(&[good.clone().without(name)], 1, name);
    }
    is_wrong(&[good.clone().with("Nats-Msg-Id", "x")], 1, "Nats-Msg-Id is \"x\"");
    is_wrong(&[good.clone().with("ce-subject", "door/b")], 1, "it lies on door/a");
    is_wrong(&[good.clone().with("ce-part", "3/2")], 1, "ce-part");
    is_wrong(&[good.clone().without("ce-entityversion")], 1, "it has no ce-entityversion");
    is_wrong(&[good.without("ce-id")], 1, "it has no ce-id");
}

#[test]
fn data_that_cannot_be_read_is_told() {
    is_wrong(&[door("a", 1, 1, None).data("{}")], 1, "cannot be read: missing field");
    is_wrong(&[door("a", 1, 1, None).data("no json")], 1, "not JSON");
    is_wrong(&[door("a", 1, 1, None).with("ce-type", "door-painted")], 1, "unknown event type");
}

#[test]
fn an_id_that_comes_twice_and_a_time_that_goes_back_are_told() {
    let first = Laid { second: 5, ..door("a", 1, 1, None) };
    let id = first.headers.as_ref().unwrap().get("ce-id").unwrap().as_str().to_owned();
    let second = door("a", 2, 2, None).with("ce-id", &id).with("Nats-Msg-Id", &id);
    is_wrong(&[first.clone(), Laid { second: 5, ..second }], 2, "has its id");
    is_wrong(&[first, door("a", 2, 2, None)], 2, "before the message in front of it");
}

#[test]
fn what_others_wrote_is_counted_and_no_problem() {
    let foreign = |version| door("a", version, 7, None).without("ce-source");
    let theirs =
        |id| Laid { subject: "events.parcel.x".into(), ..door("a", id, 8, None).without("ce-source") };
    let log = [
        door("a", 1, 1, Some(part(1, 2))),
        Laid { headers: None, ..door("a", 1, 2, None) },
        foreign(7),
        foreign(2).data("{}"),
        foreign(2).with("ce-type", "door-painted"),
        theirs(1),
        theirs(1),
        door("b", 1, 1, Some(part(2, 2))),
        door("a", 2, 3, None),
    ];
    let verified = verified(&log, &[]);
    assert_eq!((verified.problems.count, verified.foreign.count), (0, 4), "{verified:?}");
    assert_eq!(verified.categories["parcel"], Counts { events: 2, entities: 1 });
    assert_eq!(verified.categories["door"], Counts { events: 3, entities: 2 });
}

#[test]
fn a_reader_that_stands_on_nothing_or_on_another_event_is_told() {
    let log = [door("a", 1, 1, None), Laid { headers: None, ..door("a", 1, 2, None) }];
    let id = event_id(Uuid::from_u128(1), &EntityName::new("door", "a"), 0);
    let stands = |position, id| {
        let mark = Mark { position: Position::new(position), id };
        verified(&log, &[Reader { name: "view doors".into(), mark }]).problems.first
    };
    assert_eq!(stands(0, None), []);
    assert_eq!(stands(1, Some(id)), []);
    assert_eq!(stands(2, None), []);
    for (position, id, why) in [
        (1, Some(Uuid::from_u128(5)), "another message"),
        (1, None, "another message"),
        (2, Some(id), "another message"),
        (3, Some(id), "the log ends at 2"),
    ] {
        let found = stands(position, id);
        assert!(found.len() == 1 && found[0].what.contains(why), "{found:?}");
        assert!(found[0].position.get() == position && found[0].what.starts_with("view doors"), "{found:?}");
    }
}

#[test]
fn positions_that_are_missing_are_told_with_the_readers_on_them() {
    let mark = Mark { position: Position::new(2), id: None };
    let readers = [Reader { name: "view doors".into(), mark }];
    let mut check = Check::new(&[], &readers);
    check.nothing(Position::new(1), Position::new(3));
    let found = check.end(Position::new(3)).problems.first;
    assert!(found[0].position.get() == 1 && found[0].what.contains("up to position 3"), "{found:?}");
    assert!(found.len() == 2 && found[1].what.contains("no message lies there"), "{found:?}");
}
