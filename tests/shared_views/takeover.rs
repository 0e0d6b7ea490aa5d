//! A worker is gone, or comes back too late.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{UnderWay, poll, send, stderr, stdout};
use crate::{LONG, Shop};

/// How long a view may stand still.
const TO_TAKE_OVER: Duration = Duration::from_secs(5);

#[test]
fn another_takes_over_within_five_seconds_of_a_kill() {
    let shop = Shop::open();
    let mut leads = shop.worker();
    shop.receive(100);
    shop.caught_up();
    for round in 0..3 {
        // It waits for what the first has.
        let waits = shop.worker();
        shop.receive_one("warm-up");
        leads.kill();
        let killed = Instant::now();
        let position = shop.receive_one(&format!("round-{round}"));
        let (status, body) = shop.listed_at(&position, 10);
        let took = killed.elapsed();
        assert_eq!(status, 200, "{body}");
        assert!(body.contains(&format!("round-{round}")) && took < TO_TAKE_OVER, "{took:?}");
        eprintln!("taken over {took:?} after the kill");
        leads = waits;
        shop.caught_up();
    }
    shop.equal();
}

#[test]
fn one_that_ends_in_order_is_followed_at_once() {
    let shop = Shop::open();
    let mut leads = shop.worker();
    shop.caught_up();
    let _waits = shop.worker();
    leads.terminate();
    let position = shop.receive_one("next");
    assert_eq!(shop.listed_at(&position, 2).0, 200);
}

#[test]
fn one_that_stood_still_and_lost_the_lease_writes_nothing() {
    let shop = Shop::open();
    let stands = shop.worker();
    shop.caught_up();
    let mut follows = shop.worker();
    let before = shop.token();
    let file = shop.api.folder().join("many.ndjson");
    let line = |n: u64| {
        format!(
            "{{\"method\":\"POST\",\"path\":\"/stock/s{}/receipts\",\"body\":{{\"quantity\":1}}}}",
            n % 50
        )
    };
    std::fs::write(&file, (0..5000).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    for stop in 1..=3 {
        // In the middle of its work, whatever that is just then.
        let importing = UnderWay::start(&shop.api, &["import", file.to_str().unwrap()]);
        let beginning = shop.place.lines("SELECT position FROM checkpoints WHERE view = 'stock'")[0].clone();
        let moved =
            format!("SELECT position > {beginning} + {} FROM checkpoints WHERE view = 'stock'", stop * 300);
        assert!(poll(LONG, || (shop.place.lines(&moved) == ["t"]).then_some(())).is_some());
        let first = if shop.token() == before + stop - 1 && stop % 2 == 1 { &stands } else { &follows };
        send(first.pid(), Signal::STOP);
        let taken = poll(LONG, || (shop.token() == before + stop).then_some(()));
        assert!(taken.is_some(), "nobody takes over: {}", shop.token());
        send(first.pid(), Signal::CONT);
        drop(importing);
        let position = shop.receive_one("last");
        assert_eq!(shop.listed_at(&position, 10).0, 200);
        let told = poll(LONG, || {
            let told = first.stderr().matches("another process may drive the view").count();
            (told >= usize::try_from(stop.div_ceil(2)).unwrap()).then_some(())
        });
        assert!(told.is_some(), "it has not noticed: {}", first.stderr());
        shop.caught_up();
        shop.equal();
    }
    // It waits for its turn, and gets it.
    follows.kill();
    let position = shop.receive_one("again");
    assert_eq!(shop.listed_at(&position, 10).0, 200);
    shop.equal();
}

#[test]
fn what_an_operator_asks_reaches_the_process_that_drives_the_view() {
    let shop = Shop::open();
    let _workers = [shop.worker(), shop.worker(), shop.worker()];
    shop.receive(300);
    shop.caught_up();
    for generation in 2..5 {
        let rebuilt = shop.api.call(&["projections", "rebuild", "stock", "--json"]);
        assert!(stdout(&rebuilt).contains(&format!("\"generation\":{generation}")), "{}", stderr(&rebuilt));
    }
    let none = shop.api.call(&["projections", "failures", "show", "stock", "article-7"]);
    assert_eq!(none.status.code(), Some(3), "{}", stderr(&none));
    shop.equal();
    assert_eq!(shop.status().len(), 8);
}
