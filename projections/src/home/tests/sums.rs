//! Sums: the same as counting the rows, page by page.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::toy::{CounterEvent, Home, entry, raised};
use crate::error::ViewError;
use crate::query::{Order, Query};
use crate::sums::{Rank, Sum, Sums, SumsPage};

fn all(rank: Rank, limit: u32) -> Sums {
    Sums { by: "parity", of: &["total"], from: None, below: None, rank, after: None, limit }
}

fn sums(home: &Home, asked: Sums) -> SumsPage {
    home.wait(home.views.sums(&home.definition, asked)).unwrap()
}

/// All pages, one after the other.
fn to_the_end(home: &Home, mut asked: Sums) -> Vec<Sum> {
    let mut all = Vec::new();
    loop {
        let page = sums(home, asked.clone());
        all.extend(page.sums);
        // As a client hands it back.
        asked.after = page.next.map(|cursor| cursor.to_string().parse().unwrap());
        if asked.after.is_none() {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn sums_are_those_of_the_rows(
        raises in prop::collection::vec(("[a-f]", -3..6_i64), 0..40),
        from in prop::option::of("[a-f]"),
        below in prop::option::of("[a-f]"),
        limit in 1..3_u32,
    ) {
        let mut home = Home::new();
        let events = (1..).zip(&raises);
        let events = events.map(|(position, (key, by))| {
            entry(position, key, Some(&CounterEvent::CounterRaised { by: *by }))
        });
        home.apply(&events.collect::<Vec<_>>());
        let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
        let mut totals: BTreeMap<&String, i64> = BTreeMap::new();
        for (key, by) in &raises {
            *totals.entry(key).or_default() += by;
        }
        for (key, total) in totals {
            if from.as_ref().is_none_or(|from| key >= from) && below.as_ref().is_none_or(|below| key < below) {
                *counted.entry(if total % 2 == 0 { "even" } else { "odd" }).or_default() += total;
            }
        }
        let mut wanted: Vec<_> =
            counted.into_iter().map(|(value, sum)| Sum { value: value.to_owned(), sums: vec![sum] }).collect();
        let asked = Sums { from, below, ..all(Rank::Value, limit) };
        prop_assert_eq!(&to_the_end(&home, asked.clone()), &wanted);
        let in_all: i64 = wanted.iter().map(|sum| sum.sums[0]).sum();
        prop_assert_eq!(sums(&home, asked.clone()).totals, [in_all]);
        wanted.sort_by(|a, b| b.sums.cmp(&a.sums).then(a.value.cmp(&b.value)));
        prop_assert_eq!(to_the_end(&home, Sums { rank: Rank::Largest("total"), ..asked }), wanted);
    }
}

#[test]
fn the_cursor_of_a_list_and_an_unknown_column_are_told() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a"), raised(2, "b")]);
    let of_list =
        home.wait(home.views.list(&home.definition, Query::new(Order::NewestFirst, 1))).unwrap().next;
    assert!(of_list.is_some());
    let refused = |asked| home.wait(home.views.sums(&home.definition, asked)).unwrap_err();
    for rank in [Rank::Value, Rank::Largest("total")] {
        let wrong = Sums { after: of_list.clone(), ..all(rank, 1) };
        assert!(matches!(refused(wrong), ViewError::WrongCursor));
    }
    let unknown = Sums { by: "row", ..all(Rank::Value, 1) };
    assert!(
        matches!(refused(unknown), ViewError::UnknownColumn { view: "tallies", column } if column == "row")
    );
}
