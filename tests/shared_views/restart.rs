//! The database goes away, and comes back.

use std::process::Command;

use crate::harness::poll;
use crate::{LONG, Shop};

/// Has the server of the tests do it: `stop` as a crash would, `start`.
fn server(what: &str) {
    let control = std::env::var("JETSOURCE_TEST_POSTGRES_CONTROL").unwrap();
    assert!(Command::new("sh").args(["-c", &format!("{control} {what}")]).status().unwrap().success());
}

#[test]
fn lists_say_that_the_database_is_away_and_all_goes_on_when_it_is_back() {
    let shop = Shop::open();
    let worker = shop.worker();
    shop.receive(100);
    server("-m immediate stop");
    let away = poll(LONG, || {
        let (status, headers, body) = shop.asked("GET /stock", "prefer: wait=0\r\n", "");
        (status == 503).then_some((headers, body))
    });
    let (headers, body) = away.unwrap();
    assert!(headers.contains("retry-after: ") && body.contains("/problems/unavailable"), "{body}");
    assert!(body.contains("the views cannot be read just now"), "{body}");
    let (ready, _, reasons) = shop.asked("GET /readyz", "", "");
    assert!(ready == 503 && reasons.contains("views: "), "{reasons}");
    // Commands need no view.
    let position = shop.receive_one("meanwhile");
    server("-w start");
    let back = poll(LONG, || (shop.listed_at(&position, 5).0 == 200).then_some(()));
    assert!(back.is_some(), "{}", worker.stderr());
    assert_eq!(shop.asked("GET /readyz", "", "").0, 200);
    shop.caught_up();
    shop.equal();
}
