//! Whatever the batches, the rows are the fold of the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use event_model::Position;
use event_store::{Entry, Foreign, Mark};
use proptest::prelude::*;

use super::toy::{CounterEvent, Home, Tallies, entry, raised};
use crate::ahead::Ahead;
use crate::applying::changes;
use crate::error::ViewError;
use crate::fold::{Change, Skipped};

/// Some events of a few counters, and in between what is no event of theirs.
fn log() -> impl Strategy<Value = Vec<Entry>> {
    let event = prop_oneof![
        6 => (-3..9_i64).prop_map(|by| Some(CounterEvent::CounterRaised { by })),
        2 => Just(Some(CounterEvent::CounterDropped {})),
        2 => Just(None),
    ];
    prop::collection::vec(("[a-e]", event), 1..60).prop_map(|events| {
        let numbered = (1..).zip(events);
        numbered.map(|(position, (counter, event))| entry(position, &counter, event.as_ref())).collect()
    })
}

/// The fold, written down without batches.
fn folded(entries: &[Entry]) -> Vec<String> {
    let mut rows: BTreeMap<String, (Position, Position, i64)> = BTreeMap::new();
    for entry in entries {
        let Entry::Event(event) = entry else { continue };
        match event.decode() {
            Ok(CounterEvent::CounterRaised { by }) => {
                let row = rows.entry(event.entity.id.clone()).or_insert((event.position, event.position, 0));
                (row.1, row.2) = (event.position, row.2 + by);
            }
            Ok(CounterEvent::CounterDropped {}) => {
                rows.remove(&event.entity.id);
            }
            Err(_) => {}
        }
    }
    let row = |(key, (first, last, total)): (String, (Position, Position, i64))| {
        let parity = if total % 2 == 0 { "even" } else { "odd" };
        format!("{key}|{first}|{last}|{{\"total\":{total},\"parity\":\"{parity}\"}}|{total}|{parity}")
    };
    rows.into_iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_split_of_a_log_gives_the_rows_of_the_whole(
        log in log(),
        sizes in prop::collection::vec(1..20_usize, 1..60),
    ) {
        let mut home = Home::new();
        let mut rest = &log[..];
        for size in sizes.into_iter().chain([log.len()]) {
            let (batch, tail) = rest.split_at(size.min(rest.len()));
            home.apply(batch);
            rest = tail;
        }
        prop_assert_eq!(home.rows(), folded(&log));
    }

    #[test]
    fn what_is_folded_ahead_of_what_is_written_gives_the_same_rows(
        log in log(),
        steps in prop::collection::vec((1..9_usize, 0..4_usize), 1..60),
    ) {
        let mut home = Home::new();
        let (mut ahead, mut open) = (Ahead::default(), VecDeque::new());
        let (mut rest, mut read) = (&log[..], home.mark.position);
        for (size, open_at_most) in steps.into_iter().chain([(log.len(), 0)]) {
            let (batch, tail) = rest.split_at(size.min(rest.len()));
            rest = tail;
            if let Some(last) = batch.last() {
                let entries = Arc::new(batch.to_vec());
                let folded = changes::<Tallies>(home.views.as_ref(), &home.target, &entries, read, &ahead);
                let changes = Arc::new(home.wait(folded).unwrap().0);
                read = last.position();
                ahead.add(read, &changes);
                open.push_back((Mark::on(last), changes));
            }
            while open.len() > open_at_most {
                let (to, changes): (Mark, Arc<Vec<Change>>) = open.pop_front().unwrap();
                home.wait(home.views.commit(&home.target, changes, home.mark, to)).unwrap();
                home.mark = to;
                // It may hear late of what is written.
                if open_at_most % 2 == 0 {
                    ahead.written(to.position);
                }
            }
        }
        prop_assert_eq!(home.rows(), folded(&log));
    }

    #[test]
    fn a_batch_that_comes_again_changes_nothing(log in log()) {
        let mut home = Home::new();
        home.apply(&log);
        let rows = home.rows();
        prop_assert_eq!(home.apply(&log).rows, 0);
        prop_assert_eq!(home.rows(), rows);
    }
}

#[test]
fn a_commit_that_was_told_to_fail_and_did_not_is_found_out() {
    let mut home = Home::new();
    let before = home.mark;
    home.apply(&[raised(1, "a")]);
    let rows = home.rows();
    home.mark = before;
    home.try_apply(&[raised(1, "a")]).unwrap();
    assert_eq!(home.rows(), rows);
}

#[test]
fn a_second_worker_of_a_view_cannot_write() {
    let mut home = Home::new();
    let before = home.mark;
    home.apply(&[raised(1, "a"), raised(2, "a")]);
    let rows = home.rows();
    home.mark = before;
    assert!(matches!(home.try_apply(&[raised(1, "a")]), Err(ViewError::Overtaken("tallies"))));
    assert_eq!(home.rows(), rows);
}

#[test]
fn what_touches_no_row_moves_the_checkpoint_only_when_asked() {
    let mut home = Home::new();
    let foreign = Foreign { position: Position::new(2), subject: "events.x".into(), reason: "odd".into() };
    assert_eq!(home.apply(&[entry(1, "a", None), Entry::Foreign(foreign)]).rows, 0);
    let mark = |home: &Home| home.wait(home.views.serving("tallies")).unwrap().unwrap().mark;
    assert_eq!(mark(&home), Mark::START);
    let to = Mark { position: Position::new(2), id: None };
    home.wait(home.views.commit(&home.target, Arc::default(), home.mark, to)).unwrap();
    assert_eq!(mark(&home), to);
}

#[test]
fn an_event_that_cannot_be_read_is_stepped_over_with_its_reason() {
    let mut home = Home::new();
    let Entry::Event(mut odd) = raised(2, "a") else { unreachable!() };
    odd.event_type = "counter-painted".into();
    let applied = home.apply(&[raised(1, "a"), Entry::Event(odd), raised(3, "a")]);
    let reason = "unknown event type \"counter-painted\"".to_owned();
    assert_eq!(applied.skipped, [Skipped { position: Position::new(2), reason }]);
    assert_eq!(home.rows(), ["a|1|3|{\"total\":2,\"parity\":\"even\"}|2|even"]);
}

#[test]
fn a_checkpoint_is_read_as_it_was_written() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    let definition = crate::definition::Definition::of::<Tallies>().unwrap().into();
    home.views = home.again(2);
    assert_eq!(home.wait(home.views.prepare(&definition)).unwrap().serving.mark, Mark::on(&raised(1, "a")));
}
