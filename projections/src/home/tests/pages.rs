//! Pages: by value, so that nothing that happens meanwhile shifts them.

use event_model::Position;
use proptest::prelude::*;

use super::toy::{CounterEvent, Home, entry, raised};
use crate::cursor::Cursor;
use crate::error::ViewError;
use crate::query::{Order, Page, Query};

fn page(home: &Home, query: Query) -> Page {
    home.wait(home.views.list(&home.definition, query)).unwrap()
}

fn keys(page: &Page) -> Vec<String> {
    page.rows.iter().map(|row| row.key.clone()).collect()
}

/// A cursor as a client hands it back.
fn sent_and_returned(cursor: Option<Cursor>) -> Option<Cursor> {
    cursor.map(|cursor| cursor.to_string().parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn pages_show_each_row_once_whatever_arrives_meanwhile(
        there in prop::collection::vec("[a-z]{1,3}", 1..40),
        arriving in prop::collection::vec("[a-z]{1,3}", 1..40),
        limit in 1..7_u32,
        newest_first: bool,
    ) {
        let order = if newest_first { Order::NewestFirst } else { Order::KeyAscending };
        let mut home = Home::new();
        let mut positions = 1..;
        let there: Vec<_> = (&mut positions).zip(&there).map(|(position, key)| raised(position, key)).collect();
        home.apply(&there);
        let expected = keys(&page(&home, Query::new(order, 1000)));

        let mut arriving = positions.zip(&arriving);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = page(&home, Query::new(order, limit).after(after.take()));
            prop_assert!(page.rows.len() <= limit as usize);
            seen.extend(keys(&page));
            after = sent_and_returned(page.next);
            if after.is_none() { break }
            // Some of these are new rows, some change rows that are there.
            let batch: Vec<_> = (&mut arriving).take(3).map(|(position, key)| raised(position, key)).collect();
            home.apply(&batch);
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), seen.len());
        seen.retain(|key| expected.contains(key));
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn a_filter_gives_what_it_says(
        raises in prop::collection::vec(("[a-f]", 0..4_i64), 1..40),
        total in 0..8_i64,
        limit in 1..5_u32,
    ) {
        let mut home = Home::new();
        let events = (1..).zip(&raises);
        let events = events.map(|(position, (key, by))| {
            entry(position, key, Some(&CounterEvent::CounterRaised { by: *by }))
        });
        home.apply(&events.collect::<Vec<_>>());
        let parity = if total % 2 == 0 { "even" } else { "odd" };
        let wanted = format!("{{\"total\":{total},\"parity\":\"{parity}\"}}");
        let all = page(&home, Query::new(Order::NewestFirst, 1000));
        let expected: Vec<_> = all.rows.into_iter().filter(|row| row.row == wanted).collect();
        let query = Query::new(Order::NewestFirst, limit).having("parity", parity).having("total", total);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = page(&home, query.clone().after(after.take()));
            found.extend(page.rows);
            after = page.next;
            if after.is_none() { break }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_page_says_up_to_where_the_log_is_in_it() {
    let mut home = Home::new();
    assert_eq!(page(&home, Query::new(Order::NewestFirst, 1)).position, Position::START);
    home.apply(&[raised(1, "a"), raised(2, "b"), entry(3, "x", None)]);
    let page = page(&home, Query::new(Order::NewestFirst, 1));
    assert_eq!((page.position, page.rows[0].first_position), (Position::new(3), Position::new(2)));
}

#[test]
fn a_cursor_of_another_order_and_an_unknown_column_are_told() {
    let mut home = Home::new();
    home.apply(&[raised(1, "a"), raised(2, "b")]);
    let by_key = page(&home, Query::new(Order::KeyAscending, 1)).next;
    assert!(by_key.is_some());
    let list = |query| home.wait(home.views.list(&home.definition, query)).unwrap_err();
    let wrong = list(Query::new(Order::NewestFirst, 1).after(by_key));
    assert!(matches!(wrong, ViewError::WrongCursor));
    let unknown = list(Query::new(Order::NewestFirst, 1).having("row", "x"));
    assert!(matches!(unknown, ViewError::UnknownColumn { view: "tallies", column } if column == "row"));
}
