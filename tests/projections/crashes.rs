//! Kills at moments of which nothing is known: afterwards the rows are the fold of the log.

use crate::harness::{Program, poll};
use crate::place::Place;
use crate::{EVENTS, LONG, UnderWay, caught_up, import, import_file, is_equal, receipts, status};

/// How many kills each of the journeys has; `VIEW_KILLS` makes it more.
fn kills() -> u64 {
    std::env::var("VIEW_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(10)
}

/// How many commands are under way when a worker is killed.
const AT_ONCE: u64 = EVENTS / 10;

fn start(place: &Place) -> Program {
    Program::start_with(&["--views", place.url()])
}

/// With a log of 5,000 events.
fn filled(place: &Place) -> Program {
    let program = start(place);
    import(&program, &receipts(EVENTS));
    program
}

/// A number of which nothing is known, the same at every run (splitmix64).
fn drawn(case: u64) -> u64 {
    let mut z = (case + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns once a number in the home of the views is so large; one that is not there yet has none.
fn reaches(program: &Program, place: &Place, sql: &str, least: u64) {
    let reached = poll(LONG, || {
        let found: u64 = place.try_lines(sql).ok()?.first()?.parse().ok()?;
        (found >= least).then_some(())
    });
    assert!(reached.is_some(), "{sql} is not {least}: {}", program.stderr());
}

/// Returns once that is so, or another generation serves and nothing of the old one is left.
fn reaches_or_serves(program: &Program, place: &Place, sql: &str, least: u64, generation: u64) {
    let over = format!(
        "SELECT CASE WHEN coalesce(({sql}), 0) >= {least} THEN 1
                     WHEN generation >= {generation} AND NOT EXISTS (SELECT 1 FROM leftovers) THEN 1
                     ELSE 0 END FROM checkpoints WHERE view = 'stock'"
    );
    reaches(program, place, &over, 1);
}

#[test]
fn a_worker_that_is_killed_at_any_moment_leaves_nothing_wrong() {
    let place = Place::make();
    let mut program = start(&place);
    let (kills, mut begin) = (kills(), 0);
    for kill in 0..kills {
        let file = import_file(&program, &receipts(AT_ONCE));
        let importing = UnderWay::start(&program, &["import", file.to_str().unwrap()]);
        let moment = begin + 1 + drawn(kill) % (AT_ONCE / 2);
        reaches(&program, &place, "SELECT position FROM checkpoints WHERE view = 'stock'", moment);
        program.kill();
        drop(importing);
        program.restart();
        caught_up(&program);
        is_equal(&program, "stock");
        begin = status(&program, "stock")["position"].as_u64().unwrap();
    }
}

#[test]
fn a_rebuild_that_is_killed_at_any_moment_goes_on_and_ends_well() {
    let place = Place::make();
    let mut program = filled(&place);
    let (kills, mut in_the_middle) = (kills(), 0);
    for kill in 0..kills {
        let before = status(&program, "stock")["generation"].as_u64().unwrap();
        let asked = UnderWay::start(&program, &["projections", "rebuild", "stock"]);
        let moment = drawn(100 + kill) % (EVENTS * 3 / 4);
        // It may be done before anybody can look.
        let sql = format!(
            "SELECT coalesce((SELECT position FROM builds WHERE view = 'stock'), 0)
                 + 1000000 * (generation - {before}) FROM checkpoints WHERE view = 'stock'"
        );
        reaches(&program, &place, &sql, moment);
        program.kill();
        drop(asked);
        let building = "SELECT count(*) FROM builds WHERE view = 'stock'";
        in_the_middle += place.lines(building)[0].parse::<u64>().unwrap();
        program.restart();
        caught_up(&program);
        is_equal(&program, "stock");
    }
    eprintln!("{in_the_middle} of {kills} rebuilds were killed in the middle");
}

#[test]
fn a_switch_that_is_killed_at_any_moment_has_happened_or_not() {
    let place = Place::make();
    let mut program = filled(&place);
    for kill in 0..kills() {
        let before = status(&program, "stock")["generation"].as_u64().unwrap();
        let asked = UnderWay::start(&program, &["projections", "rebuild", "stock"]);
        // Just before it, just after it, and while the old rows go in pieces or are gone.
        let serves = "SELECT generation FROM checkpoints WHERE view = 'stock'";
        let (sql, least) = match kill % 4 {
            0 => ("SELECT max(position) FROM builds WHERE view = 'stock'", EVENTS - 1000),
            1 => (serves, before + 1),
            2 => ("SELECT count(*) FROM leftovers", 1),
            _ => (
                "SELECT generation - 100 * (SELECT count(*) FROM leftovers) FROM checkpoints
                   WHERE view = 'stock'",
                before + 1,
            ),
        };
        // What passes too fast to be seen is over: then that is the moment.
        reaches_or_serves(&program, &place, sql, least, before + 1);
        program.kill();
        drop(asked);
        program.restart();
        caught_up(&program);
        is_equal(&program, "stock");
        let swept = poll(LONG, || (place.tables("stock").len() == 1).then_some(()));
        assert!(swept.is_some(), "the old rows are still there");
    }
}
