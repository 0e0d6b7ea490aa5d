//! What a projection cannot apply sets its row aside, whatever the batches; all others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event_model::{Column, Position, Projection, Recorded, Unreadable, Version};
use event_store::Entry;
use proptest::prelude::*;

use super::toy::{CounterEvent, Home, Tallies, Tally, entry, raised};
use crate::applying::apply_again;
use crate::fold::Skipped;

/// Panics at what the tests name, in each of its functions.
#[derive(Debug)]
struct Fragile;

impl Projection for Fragile {
    const NAME: &'static str = Tallies::NAME;
    const VERSION: u32 = Tallies::VERSION;
    const INDEXES: &'static [&'static [&'static str]] = Tallies::INDEXES;
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        assert_ne!(event.entity.id, "e", "who is e");
        Tallies::keys(event)
    }

    fn project(key: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        assert!(event.decode::<CounterEvent>()? != CounterEvent::CounterRaised { by: 8 }, "eight");
        Tallies::project(key, row, event)
    }

    fn columns(row: &Tally) -> Vec<(&'static str, Column)> {
        assert_ne!(row.total, 7, "seven");
        Tallies::columns(row)
    }
}

/// As a writer of the log gives it.
fn ours(entry: Entry) -> Entry {
    let Entry::Event(event) = entry else { return entry };
    Entry::Event(Recorded { version: Some(Version::new(1)), ..event })
}

fn log() -> impl Strategy<Value = Vec<Entry>> {
    let event = prop_oneof![
        8 => (-3..9_i64).prop_map(|by| CounterEvent::CounterRaised { by }),
        1 => Just(CounterEvent::CounterDropped {}),
    ];
    prop::collection::vec(("[a-e]", event), 1..60).prop_map(|events| {
        let numbered = (1..).zip(events);
        numbered.map(|(position, (counter, event))| ours(entry(position, &counter, Some(&event)))).collect()
    })
}

/// What must be set aside, and what waits behind it, written down without batches.
fn expected(log: &[Entry]) -> BTreeMap<String, (Position, Vec<Position>)> {
    let mut totals: BTreeMap<&str, i64> = BTreeMap::new();
    let mut aside: BTreeMap<String, (Position, Vec<Position>)> = BTreeMap::new();
    for entry in log {
        let Entry::Event(event) = entry else { continue };
        let (key, position) = (event.entity.id.as_str(), event.position);
        if key == "e" {
            aside.insert(format!("counter/e@{position}"), (position, Vec::new()));
        } else if let Some((_, waiting)) = aside.get_mut(key) {
            waiting.push(position);
        } else {
            match event.decode().unwrap() {
                CounterEvent::CounterDropped {} => drop(totals.remove(key)),
                CounterEvent::CounterRaised { by } => {
                    let total = totals.get(key).copied().unwrap_or_default() + by;
                    if by == 8 || total == 7 {
                        aside.insert(key.to_owned(), (position, Vec::new()));
                    } else {
                        totals.insert(key, total);
                    }
                }
            }
        }
    }
    aside
}

fn aside(home: &Home) -> BTreeMap<String, (Position, Vec<Position>)> {
    let failures = home.wait(home.views.failures("tallies", 1, 1000)).unwrap();
    assert_eq!(failures.count, failures.first.len() as u64);
    let of = |failure: crate::Failure| {
        let (found, waiting) =
            home.wait(home.views.failure(&home.target, &failure.key, 1000)).unwrap().unwrap();
        assert_eq!((&found, found.waiting), (&failure, waiting.len() as u64));
        (failure.key, (failure.position, waiting))
    };
    failures.first.into_iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_split_sets_the_same_rows_aside_and_leaves_the_same_others(
        log in log(),
        sizes in prop::collection::vec(1..20_usize, 1..60),
    ) {
        let (mut home, mut whole) = (Home::new(), Home::new());
        whole.apply_as::<Fragile>(&log);
        let mut rest = &log[..];
        for size in sizes.into_iter().chain([log.len()]) {
            let (batch, tail) = rest.split_at(size.min(rest.len()));
            home.apply_as::<Fragile>(batch);
            rest = tail;
        }
        prop_assert_eq!(aside(&home), expected(&log));
        prop_assert_eq!(home.rows(), whole.rows());
    }

    #[test]
    fn a_projection_that_was_mended_comes_to_the_rows_of_the_whole(log in log()) {
        let (mut home, mut mended) = (Home::new(), Home::new());
        let log: Vec<_> = log.into_iter().filter(|entry| !matches!(entry, Entry::Event(event) if event.entity.id == "e")).collect();
        home.apply_as::<Fragile>(&log);
        mended.apply(&log);
        for key in expected(&log).into_keys() {
            // In two pieces where more than one waits.
            while let Some((failure, waiting)) = home.wait(home.views.failure(&home.target, &key, 1000)).unwrap() {
                let due = [vec![failure.position], waiting].concat();
                let half = due.len().div_ceil(2);
                let entries = log.iter().filter(|entry| due[..half].contains(&entry.position())).cloned().collect();
                let again = apply_again::<Tallies>(home.views.as_ref(), &home.target, &failure, entries, due.get(half).copied());
                prop_assert!(home.wait(again).unwrap().failed.is_empty());
            }
        }
        prop_assert_eq!(aside(&home), BTreeMap::new());
        prop_assert_eq!(home.rows(), mended.rows());
    }
}

#[test]
fn what_still_fails_is_counted_and_what_comes_next_waits() {
    let mut home = Home::new();
    let eight = ours(entry(2, "a", Some(&CounterEvent::CounterRaised { by: 8 })));
    let log = [raised(1, "a"), eight.clone(), raised(3, "a"), raised(4, "b")].map(ours);
    let applied = home.apply_as::<Fragile>(&log);
    assert_eq!(applied.failed[0].reason, "the projection panicked: eight");
    let key = |home: &Home| home.wait(home.views.failure(&home.target, "a", 9)).unwrap().unwrap().0;
    let failure = key(&home);
    assert_eq!((failure.tries, failure.waiting, &*failure.event_type), (1, 1, "counter-raised"));
    let again = apply_again::<Fragile>(
        home.views.as_ref(),
        &home.target,
        &failure,
        vec![eight, log[2].clone()],
        None,
    );
    assert_eq!(home.wait(again).unwrap().failed.len(), 1);
    let failure = key(&home);
    assert_eq!((failure.tries, failure.waiting), (2, 1));
    home.apply_as::<Fragile>(&[ours(raised(5, "a"))]);
    assert_eq!(key(&home).waiting, 2);
    assert_eq!(home.rows().len(), 2);
}

#[test]
fn an_event_that_somebody_skips_counts_for_nothing_from_then_on() {
    let mut home = Home::new();
    let eight = |position| ours(entry(position, "a", Some(&CounterEvent::CounterRaised { by: 8 })));
    home.target.skips = Arc::new(BTreeSet::from([Position::new(2)]));
    let applied = home.apply_as::<Fragile>(&[ours(raised(1, "a")), eight(2), ours(raised(3, "a")), eight(4)]);
    let skipped = Skipped { position: Position::new(2), reason: "the projection panicked: eight".into() };
    assert_eq!((applied.skipped, applied.failed.len()), (vec![skipped], 1));
    assert_eq!(home.rows(), ["a|1|3|{\"total\":2,\"parity\":\"even\"}|2|even"]);
}

#[test]
fn a_row_that_the_projection_did_not_write_is_set_aside() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    home.place.lines("UPDATE tallies SET row = '{}' RETURNING key");
    let applied = home.apply(&[raised(2, "a"), raised(3, "b")]);
    let reason = &applied.failed[0].reason;
    assert!(reason.starts_with("the row is not what its projection wrote: missing field"), "{reason}");
    assert_eq!(home.rows().len(), 2);
}

#[test]
fn another_generation_has_failures_of_its_own() {
    let mut home = Home::new();
    let eight = ours(entry(1, "a", Some(&CounterEvent::CounterRaised { by: 8 })));
    home.apply_as::<Fragile>(&[eight, ours(raised(2, "a"))]);
    let built = home.wait(home.views.begin_build(&home.definition)).unwrap();
    assert_eq!(home.wait(home.views.count_failures("tallies", built.number)).unwrap(), 0);
    let serving = home.wait(home.views.serving("tallies")).unwrap().unwrap();
    home.wait(home.views.switch(&home.definition, serving, built.number, built.mark)).unwrap();
    assert_eq!(home.wait(home.views.count_failures("tallies", 1)).unwrap(), 0);
    assert_eq!(home.place.lines("SELECT count(*) FROM queued"), ["0"]);
}
