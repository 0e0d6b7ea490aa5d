//! From where on a listener hears.

use serde_json::Value;

use crate::harness::Program;
use crate::listener::Listener;
use crate::shop::Shop;

#[tokio::test]
async fn i_begin_at_the_start_the_end_or_a_position() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    for _ in 0..4 {
        shop.receive("tea").await;
    }
    let mut all = Listener::to(program.http(), "from=start").await;
    let mut some = Listener::to(program.http(), "from=2").await;
    let mut none = Listener::to(program.http(), "from=end").await;
    let mut again = Listener::again(program.http(), "from=start", 3).await;
    shop.receive("tea").await;
    assert_eq!(all.positions_to(5).await, [1, 2, 3, 4, 5]);
    assert_eq!(some.positions_to(5).await, [3, 4, 5]);
    assert_eq!(none.positions_to(5).await, [5]);
    assert_eq!(again.positions_to(5).await, [4, 5], "Last-Event-ID wins over from");
}

#[tokio::test]
async fn i_begin_at_a_time() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    for _ in 0..20 {
        shop.receive("tea").await;
    }
    let events = shop.get("/events?limit=200").header("accept", "application/json").send().await.unwrap();
    let events = events.json::<Vec<Value>>().await.unwrap();
    for event in &events {
        let time = event["time"].as_str().unwrap();
        let first = events.iter().find(|other| other["time"].as_str().unwrap() >= time).unwrap();
        let mut listener = Listener::to(program.http(), &format!("from={time}")).await;
        assert_eq!(listener.event().await.unwrap(), *first, "{time}");
    }
    let mut early = Listener::to(program.http(), "from=2020-01-01T00:00:00Z").await;
    assert_eq!(early.event().await.unwrap()["position"], 1);
    let late = Listener::to(program.http(), "from=2100-01-01T00:00:00%2B02:00").await;
    assert_eq!(late.last_id, Some(20));
}
