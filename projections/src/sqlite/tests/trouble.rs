//! What goes wrong ends in one clear line.

use std::sync::Arc;

use event_model::{Column, Position, Projection, Recorded, Unreadable};
use event_store::Mark;

use super::toy::{Home, Tallies, Tally, raised};
use crate::address::HomeAddress;
use crate::applying::apply;
use crate::definition::Definition;
use crate::error::{ViewError, line};
use crate::generation::Target;
use crate::home::Home as _;
use crate::query::{Order, Query};
use crate::sqlite::SqliteViews;
use crate::sqlite::connection::lock;
use crate::views::Views;

#[test]
fn a_path_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("views.sqlite");
    let text = line(&SqliteViews::open(&path).unwrap_err());
    assert!(text.contains("missing/views.sqlite") && text.contains("unable to open"), "{text}");
    std::fs::write(folder.path().join("text"), "x".repeat(5000)).unwrap();
    let text = line(&SqliteViews::open(folder.path().join("text")).unwrap_err());
    assert!(text.contains("not a database") && !text.contains('\n'), "{text}");
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let home = Home::new();
    lock(&home.views.writer).pragma_update(None, "user_version", 3).unwrap();
    let text = line(&SqliteViews::open(home.folder.path().join("views.sqlite")).unwrap_err());
    assert!(text.contains("a newer program wrote this file"), "{text}");
}

#[test]
fn a_full_disk_changes_nothing_and_is_over_when_there_is_room() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    let pages = |pages: i64| lock(&home.views.writer).pragma_update(None, "max_page_count", pages).unwrap();
    pages(1);
    let many: Vec<_> = (2..2000).map(|position| raised(position, &format!("counter {position}"))).collect();
    let text = line(&home.try_apply(&many).unwrap_err());
    assert!(text.contains("database or disk is full"), "{text}");
    assert_eq!(home.rows().len(), 1);
    pages(1 << 20);
    assert_eq!(home.apply(&many).rows, 1998);
}

struct Renamed<const VERSION: u32>;

impl<const VERSION: u32> Projection for Renamed<VERSION> {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = VERSION;
    const INDEXES: &'static [&'static [&'static str]] = &[&["parity"]];
    type Row = Tally;

    fn key(event: &Recorded) -> Result<Option<String>, Unreadable> {
        Tallies::key(event)
    }

    fn project(row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        Tallies::project(row, event)
    }

    fn columns(_: &Tally) -> Vec<(&'static str, Column)> {
        Vec::new()
    }
}

#[test]
fn rows_of_another_version_or_with_other_indexes_serve_as_they_are() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    for definition in [Definition::of::<Renamed<1>>(), Definition::of::<Renamed<2>>()] {
        let definition = Arc::new(definition.unwrap());
        let serving = home.wait(home.views.prepare(&definition)).unwrap().serving;
        assert!(!serving.is_of(&definition) && serving.is_of(&home.definition));
        let all = home.wait(home.views.list(&definition, Query::new(Order::KeyAscending, 1))).unwrap();
        assert_eq!((all.rows.len(), all.position), (1, Position::new(1)));
    }
}

#[test]
fn a_column_that_the_rows_that_serve_do_not_have_is_not_built_yet() {
    let home = Home::new();
    let definition = Arc::new(Definition::of::<Renamed<1>>().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let other = SqliteViews::open(folder.path().join("views.sqlite")).unwrap();
    home.wait(other.prepare(&definition)).unwrap();
    let query = Query::new(Order::KeyAscending, 1);
    let found = |query| home.wait(other.list(&home.definition, query));
    assert!(found(query.clone().having("parity", "odd")).is_ok());
    assert!(matches!(found(query.having("total", 1)), Err(ViewError::NotBuilt("tallies"))));
}

#[test]
fn a_column_without_a_value_is_an_error_of_the_program() {
    let home = Home::new();
    let target =
        Target { definition: Arc::new(Definition::of::<Renamed<1>>().unwrap()), ..home.target.clone() };
    let (entries, to) = (Arc::new(vec![raised(1, "a")]), Mark::on(&raised(1, "a")));
    let applied = home.wait(apply::<Renamed<1>>(&home.views, &target, &entries, Mark::START, to));
    assert!(matches!(applied, Err(ViewError::Unfit { view: "tallies", .. })));
}

#[test]
fn a_view_that_nobody_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new();
    let views = home.wait(Views::open(&HomeAddress::Sqlite(folder.path().join("views.sqlite")))).unwrap();
    let query = Query::new(Order::KeyAscending, 1);
    let unknown = home.wait(views.list("tallies", &query));
    assert!(matches!(unknown, Err(ViewError::UnknownView(name)) if name == "tallies"));
    home.wait(views.register::<Tallies>()).unwrap();
    assert!(matches!(home.wait(views.list("tallies", &query)), Err(ViewError::NotBuilt("tallies"))));
}
