//! What goes wrong ends in one clear line.

use std::sync::Arc;

use event_model::{Column, Position, Projection, Recorded, Unreadable};
use event_store::Mark;

use super::place::Place;
use super::toy::{Home, Tallies, Tally, raised};
use crate::address::HomeAddress;
use crate::applying::apply;
use crate::definition::Definition;
use crate::error::ViewError;
use crate::generation::Target;
use crate::query::{Order, Query};
use crate::views::Views;

struct Renamed<const VERSION: u32>;

impl<const VERSION: u32> Projection for Renamed<VERSION> {
    const NAME: &'static str = "tallies";
    const VERSION: u32 = VERSION;
    const INDEXES: &'static [&'static [&'static str]] = &[&["parity"]];
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Tallies::keys(event)
    }

    fn project(key: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        Tallies::project(key, row, event)
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
    let home = Home::of::<Renamed<1>>();
    let definition = Arc::new(Definition::of::<Tallies>().unwrap());
    let query = Query::new(Order::KeyAscending, 1);
    let found = |query| home.wait(home.views.list(&definition, query));
    assert!(found(query.clone().having("parity", "odd")).is_ok());
    assert!(matches!(found(query.having("total", 1)), Err(ViewError::NotBuilt("tallies"))));
}

#[test]
fn a_column_without_a_value_is_an_error_of_the_program() {
    let home = Home::new();
    let target =
        Target { definition: Arc::new(Definition::of::<Renamed<1>>().unwrap()), ..home.target.clone() };
    let (entries, to) = (Arc::new(vec![raised(1, "a")]), Mark::on(&raised(1, "a")));
    let applied = home.wait(apply::<Renamed<1>>(home.views.as_ref(), &target, &entries, Mark::START, to));
    assert!(matches!(applied, Err(ViewError::Unfit { view: "tallies", .. })));
}

#[test]
fn a_view_that_nobody_made_is_told() {
    let (home, place) = (Home::new(), Place::make());
    let views = home.wait(Views::open(&place.url().parse::<HomeAddress>().unwrap())).unwrap();
    let query = Query::new(Order::KeyAscending, 1);
    let unknown = home.wait(views.list("tallies", &query));
    assert!(matches!(unknown, Err(ViewError::UnknownView(name)) if name == "tallies"));
    home.wait(views.register::<Tallies>()).unwrap();
    assert!(matches!(home.wait(views.list("tallies", &query)), Err(ViewError::NotBuilt("tallies"))));
}

#[test]
fn who_is_not_the_last_to_claim_a_view_writes_nothing() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a")]);
    let entries = Arc::new(vec![raised(2, "a")]);
    let to = Mark::on(&entries[0]);
    let (view, rows, before) = ("tallies", home.rows(), home.wait(home.views.serving("tallies")).unwrap());
    let Some(lease) = home.wait(home.views.found(&home.definition)).unwrap().lease else {
        // No other process can have it.
        return;
    };
    assert!(lease.starts_with("view.") && lease.ends_with(".tallies"), "{lease}");
    let build = home.wait(home.views.begin_build(&home.definition)).unwrap();
    let next = home.again(7);
    let overtaken = |result: Result<(), ViewError>| assert!(matches!(result, Err(ViewError::Overtaken(_))));
    let late = &home.views;
    overtaken(home.wait(apply::<Tallies>(late.as_ref(), &home.target, &entries, home.mark, to)).map(drop));
    overtaken(home.wait(late.commit(&home.target, Arc::default(), home.mark, to)));
    overtaken(home.wait(late.prepare(&home.definition)).map(drop));
    overtaken(home.wait(late.begin_build(&home.definition)).map(drop));
    overtaken(home.wait(late.stop_build(view)));
    overtaken(home.wait(late.resume_build(view)));
    overtaken(home.wait(late.switch(&home.definition, before.clone().unwrap(), build.number, build.mark)));
    overtaken(home.wait(late.sweep(view)).map(drop));
    let failure = failure();
    overtaken(home.wait(late.skip(view, &failure, "why".into())));
    overtaken(home.wait(late.redone(&home.target, &failure, Vec::new(), Position::new(1), None)));
    assert_eq!((home.rows(), home.wait(home.views.serving(view)).unwrap()), (rows, before));
    // A token that was had by another is not given again, and a lower one never.
    for (token, holder) in [(7, 1), (3, 3)] {
        let claimed = home.wait(late.claim(view, token, uuid::Uuid::from_u128(holder))).unwrap();
        assert!(matches!(claimed, crate::home::Claim::Outbid(7)), "{claimed:?}");
    }
    home.wait(apply::<Tallies>(next.as_ref(), &home.target, &entries, home.mark, to)).unwrap();
    assert_eq!(home.rows(), ["a|1|2|{\"total\":2,\"parity\":\"even\"}|2|even"]);
}

fn failure() -> crate::Failure {
    crate::Failure {
        key: "a".into(),
        rowless: false,
        position: Position::new(1),
        event_id: uuid::Uuid::nil(),
        event_type: "counter-raised".into(),
        reason: String::new(),
        tries: 1,
        since: String::new(),
        tried: String::new(),
        waiting: 0,
    }
}

#[test]
fn any_text_can_be_a_key() {
    let mut home = Home::new();
    let keys = ["\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{2}", "\"", "'", "Z", "a", "ä", "\u{10ffff}"];
    let events: Vec<_> = (1..).zip(keys).map(|(position, key)| raised(position, key)).collect();
    home.apply(&events);
    let again: Vec<_> = (12..).zip(keys).map(|(position, key)| raised(position, key)).collect();
    home.apply(&again);
    let page = home.wait(home.views.list(&home.definition, Query::new(Order::KeyAscending, 20))).unwrap();
    let listed: Vec<_> = page.rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(listed, keys);
    assert!(page.rows.iter().all(|row| row.row.contains("\"total\":2")), "{page:?}");
}
