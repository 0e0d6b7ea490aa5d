//! A generation beside the serving one: lists see all of the one or all of the other.

use std::sync::Arc;

use event_model::Position;
use event_store::Mark;

use super::toy::{Home, Tallies, raised};
use crate::applying::apply;
use crate::error::ViewError;
use crate::generation::{Generation, Place};
use crate::query::{Order, Query};

/// Builds a generation from these events, as a worker does.
fn build(home: &Home, keys: &[&str]) -> (Generation, Mark) {
    let generation = home.wait(home.views.begin_build(&home.definition)).unwrap();
    let target = generation.target(&home.definition, Place::Building, &Arc::default());
    let entries: Vec<_> = (1..).zip(keys).map(|(position, key)| raised(position, key)).collect();
    let to = Mark::on(entries.last().unwrap());
    home.wait(apply::<Tallies>(home.views.as_ref(), &target, &Arc::new(entries), Mark::START, to)).unwrap();
    (generation, to)
}

fn serving(home: &Home) -> Generation {
    home.wait(home.views.serving("tallies")).unwrap().unwrap()
}

fn listed(home: &Home) -> (Vec<String>, Position) {
    let page = home.wait(home.views.list(&home.definition, Query::new(Order::KeyAscending, 100))).unwrap();
    (page.rows.into_iter().map(|row| row.key).collect(), page.position)
}

#[test]
fn lists_read_the_old_rows_until_the_switch_and_the_new_ones_after_it() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    let (built, mark) = build(&home, &["b", "c"]);
    assert_eq!((built.number, &*built.rows_in), (2, "tallies_2"));
    assert_eq!(listed(&home), (vec!["a".to_owned()], Position::new(1)));

    home.wait(home.views.switch(&home.definition, serving(&home), built.number, mark)).unwrap();
    assert_eq!(listed(&home), (vec!["b".to_owned(), "c".to_owned()], Position::new(2)));
    // Told again that it failed, it is found out.
    home.wait(home.views.switch(&home.definition, built, 2, mark)).unwrap();
    assert_eq!(serving(&home).number, 2);
}

#[test]
fn nobody_switches_over_what_another_worker_did() {
    let mut home = Home::new();
    let before = serving(&home);
    home.apply(&[raised(1, "a")]);
    let (built, mark) = build(&home, &["b"]);
    let stale = home.wait(home.views.switch(&home.definition, before, built.number, mark));
    assert!(matches!(stale, Err(ViewError::Overtaken("tallies"))));
    let now = serving(&home);
    let short = home.wait(home.views.switch(&home.definition, now, built.number, Mark::START));
    assert!(matches!(short, Err(ViewError::Overtaken("tallies"))));
    assert_eq!(serving(&home).number, 1);
}

#[test]
fn what_an_older_program_had_begun_to_build_is_given_up() {
    let home = Home::new();
    build(&home, &["b"]);
    home.place.lines("UPDATE builds SET version = 9 RETURNING view");
    let prepared = home.wait(home.views.prepare(&home.definition)).unwrap();
    assert_eq!((prepared.serving.number, prepared.building), (1, None));
    // Its name is not given again while its rows are there.
    assert_eq!(home.wait(home.views.begin_build(&home.definition)).unwrap().rows_in, "tallies_3");
    while home.wait(home.views.sweep("tallies")).unwrap() {}
    assert_eq!(home.place.tables("tallies"), ["tallies", "tallies_3"]);
}

#[test]
fn a_stop_is_remembered() {
    let home = Home::new();
    build(&home, &["b", "c"]);
    let prepared = |home: &Home| home.wait(home.views.prepare(&home.definition)).unwrap().building.unwrap();
    assert!(!prepared(&home).stopped);
    home.wait(home.views.stop_build("tallies")).unwrap();
    let build = prepared(&home);
    assert!(build.stopped && build.generation.mark.position == Position::new(2));
    home.wait(home.views.resume_build("tallies")).unwrap();
    assert!(!prepared(&home).stopped);
}
