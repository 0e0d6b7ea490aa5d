//! One event, several rows: each is folded by itself.

use event_model::{Column, Projection, Recorded, Unreadable};

use super::toy::{CounterEvent, Home, Tallies, Tally, entry, raised};

/// Counts a counter, and all counters together; the sum can't be eight.
struct WithSum;

impl Projection for WithSum {
    const NAME: &'static str = Tallies::NAME;
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = Tallies::INDEXES;
    type Row = Tally;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let mut keys = Tallies::keys(event)?;
        if !keys.is_empty() {
            keys.extend(["sum".to_owned(), "sum".to_owned()]);
        }
        Ok(keys)
    }

    fn project(key: &str, row: Option<Tally>, event: &Recorded) -> Result<Option<Tally>, Unreadable> {
        let next = Tallies::project(key, row, event)?;
        assert!(key != "sum" || next.as_ref().is_none_or(|row| row.total != 8), "eight");
        Ok(next)
    }

    fn columns(row: &Tally) -> Vec<(&'static str, Column)> {
        Tallies::columns(row)
    }
}

#[test]
fn an_event_touches_each_of_its_rows_once() {
    let mut home = Home::new();
    home.apply_as::<WithSum>(&[raised(1, "a"), raised(2, "b"), raised(3, "a")]);
    let rows = [
        "a|1|3|{\"total\":2,\"parity\":\"even\"}|2|even",
        "b|2|2|{\"total\":1,\"parity\":\"odd\"}|1|odd",
        "sum|1|3|{\"total\":3,\"parity\":\"odd\"}|3|odd",
    ];
    assert_eq!(home.rows(), rows);
    home.apply_as::<WithSum>(&[raised(4, "a")]);
    assert_eq!(home.rows()[2], "sum|1|4|{\"total\":4,\"parity\":\"even\"}|4|even");
}

#[test]
fn of_the_rows_of_an_event_one_may_be_set_aside() {
    let mut home = Home::new();
    let raise = |position, by| entry(position, "a", Some(&CounterEvent::CounterRaised { by }));
    let applied = home.apply_as::<WithSum>(&[raise(1, 7), raise(2, 1), raise(3, 1)]);
    let failed: Vec<_> =
        applied.failed.iter().map(|failed| (failed.key.as_str(), failed.position.get())).collect();
    assert_eq!(failed, [("sum", 2)]);
    assert!(
        home.rows()[0].starts_with("a|1|3|") && home.rows()[1].starts_with("sum|1|1|"),
        "{:?}",
        home.rows()
    );
}
