//! A generation beside the serving one: lists see all of the one or all of the other.

use std::sync::Arc;

use event_model::Position;
use event_store::Mark;

use super::toy::{Home, Tallies, raised};
use crate::applying::apply;
use crate::error::ViewError;
use crate::generation::{Generation, Place};
use crate::home::Home as _;
use crate::query::{Order, Query};
use crate::sqlite::SqliteViews;
use crate::sqlite::connection::lock;

fn tables(home: &Home) -> Vec<String> {
    let writer = lock(&home.views.writer);
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'tallies%' ORDER BY name";
    let mut statement = writer.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Builds a generation from these events, as a worker does.
fn build(home: &Home, keys: &[&str]) -> (Generation, Mark) {
    let generation = home.wait(home.views.begin_build(&home.definition)).unwrap();
    let target = generation.target(&home.definition, Place::Building, &Arc::default());
    let entries: Vec<_> = (1..).zip(keys).map(|(position, key)| raised(position, key)).collect();
    let to = Mark::on(entries.last().unwrap());
    home.wait(apply::<Tallies>(&home.views, &target, &Arc::new(entries), Mark::START, to)).unwrap();
    (generation, to)
}

fn serving(home: &Home) -> Generation {
    home.wait(home.views.serving("tallies")).unwrap().unwrap()
}

fn listed(views: &SqliteViews, home: &Home) -> (Vec<String>, Position) {
    let page = home.wait(views.list(&home.definition, Query::new(Order::KeyAscending, 100))).unwrap();
    (page.rows.into_iter().map(|row| row.key).collect(), page.position)
}

#[test]
fn lists_read_the_old_rows_until_the_switch_and_the_new_ones_after_it() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    let (built, mark) = build(&home, &["b", "c"]);
    assert_eq!((built.number, &*built.rows_in), (2, "tallies_2"));
    assert_eq!(listed(&home.views, &home), (vec!["a".to_owned()], Position::new(1)));

    home.wait(home.views.switch(&home.definition, serving(&home), built.number, mark)).unwrap();
    assert_eq!(listed(&home.views, &home), (vec!["b".to_owned(), "c".to_owned()], Position::new(2)));
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
fn old_rows_go_in_pieces_and_who_reads_them_goes_on_reading() {
    let mut home = Home::new();
    let many: Vec<_> = (1..=1200).map(|position| raised(position, &format!("k{position}"))).collect();
    home.apply(&many);
    let (built, mark) = build(&home, &["b"]);
    let mut reader = rusqlite::Connection::open(home.folder.path().join("views.sqlite")).unwrap();
    let reading = reader.transaction().unwrap();
    let count = |sql: &str| reading.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM tallies"), 1200);
    home.wait(home.views.switch(&home.definition, serving(&home), built.number, mark)).unwrap();
    let mut pieces = 0;
    while home.wait(home.views.sweep("tallies")).unwrap() {
        pieces += 1;
        assert_eq!(count("SELECT count(*) FROM tallies"), 1200);
    }
    assert_eq!((pieces, tables(&home)), (4, vec!["tallies_2".to_owned()]));
}

#[test]
fn what_an_older_program_had_begun_to_build_is_given_up() {
    let home = Home::new();
    build(&home, &["b"]);
    lock(&home.views.writer).execute("UPDATE builds SET version = 9", []).unwrap();
    let prepared = home.wait(home.views.prepare(&home.definition)).unwrap();
    assert_eq!((prepared.serving.number, prepared.building), (1, None));
    // Its name is not given again while its rows are there.
    assert_eq!(home.wait(home.views.begin_build(&home.definition)).unwrap().rows_in, "tallies_3");
    while home.wait(home.views.sweep("tallies")).unwrap() {}
    assert_eq!(tables(&home), ["tallies", "tallies_3"]);
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

#[test]
fn a_file_of_an_older_program_is_taken_over() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    lock(&home.views.writer)
        .execute_batch(
            "ALTER TABLE checkpoints DROP COLUMN generation;
             DROP TABLE builds; DROP TABLE leftovers; PRAGMA user_version = 1",
        )
        .unwrap();
    let reopened = SqliteViews::open(home.folder.path().join("views.sqlite")).unwrap();
    let prepared = home.wait(reopened.prepare(&home.definition)).unwrap();
    assert_eq!((prepared.serving.number, prepared.serving.mark), (1, home.mark));
    assert_eq!(listed(&reopened, &home).0, ["a"]);
}
