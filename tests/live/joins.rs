//! Many come at any moment while events flow: what each reads by itself and what it hears then fit without a seam.

use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use crate::harness::Program;
use crate::listener::Listener;
use crate::shop::Shop;

/// How many come.
const JOINS: u64 = 150;

/// A number that nobody chose, below this one.
fn drawn(below: u64) -> u64 {
    let (number, _) = Uuid::new_v4().as_u64_pair();
    number % below.max(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_and_whenever_i_join_nothing_is_missing_and_nothing_comes_twice() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let mut stored = 0;
    for _ in 0..400 {
        stored = shop.receive("before").await;
    }
    let flow = shop.flow(4);
    let mut listeners = Vec::new();
    for join in 0..JOINS {
        stored = stored.max(shop.receive("between").await);
        // Near the end, where a seam is, as often as far from it.
        let from = if join % 2 == 0 { stored - drawn(5) } else { drawn(stored) };
        let only_one = join % 3 == 0;
        let query =
            if only_one { format!("from={from}&entity=stock/between") } else { format!("from={from}") };
        let mut listener = Listener::to(program.http(), &query).await;
        listeners.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            while let Some(event) = listener.event().await {
                heard.push(event["position"].as_u64().unwrap());
                if event["subject"] == "stock/the-end" || event["data"]["quantity"] == 2 {
                    break;
                }
            }
            (from, only_one, heard)
        }));
    }
    flow.end().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let last = client.post(format!("{}/stock/between/receipts", program.http()));
    let last = last.json(&serde_json::json!({"quantity": 2})).send().await.unwrap();
    let end: u64 = last.headers()["jetsource-position"].to_str().unwrap().parse().unwrap();
    let all = Listener::to(program.http(), "from=start&entity=stock/between").await.positions_to(end).await;
    let heard = tokio::time::timeout(Duration::from_mins(2), join_all(listeners)).await.unwrap();
    for listener in heard {
        let (from, only_one, heard) = listener.unwrap();
        let wanted: Vec<u64> = if only_one {
            all.iter().copied().filter(|position| *position > from).collect()
        } else {
            (from + 1..=end).collect()
        };
        assert_eq!(heard, wanted, "from {from}, one entity: {only_one}");
    }
}
