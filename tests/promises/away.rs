//! The broker goes away and comes back: callers hear of it in time, and everything goes on by itself.

use std::time::Duration;

use futures_util::future::join_all;
use nats_launcher::Server;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::caller::{Answer, Call};
use crate::load::{Load, Told};
use crate::{Shop, eventually, fold, log};

/// In which every answer must come while the broker is silent.
const IN_TIME: Duration = Duration::from_secs(5);
/// In which all must go on when it is back; twice that, because machines are noisy.
const BACK: Duration = Duration::from_secs(4);

async fn shop_on(server: &Server) -> Shop {
    let shop = Shop::open_with(&["--nats-url", &server.url()]);
    let ann =
        json!({"name": "Ann", "email": "ann@example.com", "id": "0190a5e2-0000-7000-8000-0000000000aa"});
    shop.api.post("/users", &ann).is(201).await;
    let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 5}]);
    let order = json!({"user_id": ann["id"], "lines": lines, "id": "0190a5e2-0000-7000-8000-0000000000bb"});
    shop.api.post("/orders", &order).is(201).await;
    let last = shop.api.post("/stock/A/receipts", &json!({"quantity": 1})).is(200).await.position();
    fold::listed(&shop.api, last).await;
    shop
}

const USER: &str = "/users/0190a5e2-0000-7000-8000-0000000000aa";
const ORDER: &str = "/orders/0190a5e2-0000-7000-8000-0000000000bb";

/// The answer to each call, all at once; none may take longer than it may.
async fn in_time(limit: Duration, calls: Vec<Call>) -> Vec<Answer> {
    join_all(calls.into_iter().map(|call| timeout(limit, call.answer())))
        .await
        .into_iter()
        .map(|answer| answer.expect("it hears in time"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_silent_callers_hear_why_and_lists_go_on() {
    let server = Server::throwaway().await.unwrap();
    let shop = shop_on(&server).await;
    let api = &shop.api;
    let before = shop.log().await;
    let listed = fold::listed(api, before.len() as u64).await;
    let keyed = |quantity: u32| {
        api.post("/stock/keyed/receipts", &json!({"quantity": quantity})).key(&format!("k{quantity}"))
    };

    server.pause().unwrap();
    let commands = vec![
        api.post("/stock/bare/receipts", &json!({"quantity": 1})),
        api.post("/users", &json!({"name": "Ben", "email": "ben@example.com"})),
        api.put(USER, &json!({"name": "Anna"})),
        api.put(&format!("{USER}/credit-limit"), &json!({"amount": 7})),
        api.put(ORDER, &json!({"ship_to": "here"})),
        api.post(&format!("{ORDER}/cancel"), &json!({})),
        api.delete(ORDER),
        keyed(1),
        keyed(2),
    ];
    let reads = [USER, ORDER, "/stock/A", &format!("{USER}/events"), &format!("{ORDER}/events")];
    let reads = reads.map(|path| api.get(path)).into_iter().chain([api.call("HEAD", USER)]);
    let lists = ["/users", "/orders", "/stock", "/orders?status=placed", "/users?email=ann@example.com"];
    let (commands, reads, lists, livez, readyz) = tokio::join!(
        in_time(IN_TIME, commands),
        in_time(IN_TIME, reads.collect()),
        in_time(Duration::from_secs(2), lists.map(|list| api.get(list)).into()),
        in_time(Duration::from_secs(1), vec![api.get("/livez")]),
        in_time(IN_TIME, vec![api.get("/readyz")]),
    );
    for answer in commands.iter().chain(&reads[..5]) {
        assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"), "{answer:?}");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(reads[5].status, 503);
    assert!(lists.iter().all(|list| list.status == 200), "{lists:?}");
    for (list, rows) in lists.iter().zip([listed.users, listed.orders, listed.stock]) {
        assert_eq!(*list.json().as_array().unwrap(), rows);
    }
    assert_eq!((livez[0].status, readyz[0].status), (200, 503));
    assert!(readyz[0].json()["reasons"].to_string().contains("broker"), "{readyz:?}");

    server.resume().unwrap();
    goes_on(&shop).await;
    // A key makes it safe to call again, whatever became of the first time.
    for quantity in [1, 2] {
        let done = keyed(quantity).is(200).await;
        keyed(quantity).is(200).await.repeats(&done);
    }
    let stored = shop.log().await;
    log::check(&stored);
    // Who was told that nothing was changed is right; who was told that nobody knows may find it stored.
    let unknown = commands.iter().filter(|answer| answer.detail().contains("outcome unknown")).count();
    // The two with keys, and what `goes_on` did.
    let more = before.len() + 3..=before.len() + 3 + unknown;
    assert!(more.contains(&stored.len()), "{unknown} unknown: {:?}", &stored[before.len()..]);
    assert_eq!(api.get("/stock/keyed").is(200).await.json()["on_hand"], 3);
    fold::lists_equal_the_fold(api, &stored).await;
}

/// Commands, reads and lists work again, by themselves and soon.
async fn goes_on(shop: &Shop) {
    let since = Instant::now();
    let position = eventually("commands go on", BACK, async || {
        let answer = shop.api.post("/stock/back/receipts", &json!({"quantity": 1})).answer().await;
        (answer.status == 200).then(|| answer.position())
    })
    .await;
    shop.api.get(USER).is(200).await;
    for list in ["/users", "/orders", "/stock"] {
        let fresh = shop.api.get(list).header("jetsource-position", &position.to_string());
        assert!(fresh.is(200).await.position() >= position);
    }
    assert!(since.elapsed() < BACK, "back after {:?}", since.elapsed());
    shop.api.get("/readyz").is(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_were_told_is_true_when_the_broker_falls_silent_under_load() {
    let server = Server::throwaway().await.unwrap();
    let shop = shop_on(&server).await;
    let before = shop.log().await.len() as u64;
    let client = async_nats::connect(server.url()).await.unwrap();
    let load = Load::start(&shop.api);
    eventually("work is done", IN_TIME, async || {
        (log::length(&client, "EVENTS").await? > before + 100).then_some(())
    })
    .await;
    server.pause().unwrap();
    let memory = timeout(IN_TIME, load.end()).await.expect("everybody hears in time");
    assert!(memory.count(Told::NotStored) + memory.count(Told::Unknown) > 0);
    server.resume().unwrap();
    ends_well(&shop, memory, before).await;
}

/// What was told is true, and what is keyed can be had.
async fn ends_well(shop: &Shop, mut memory: crate::load::Memory, before: u64) {
    goes_on(shop).await;
    let skip = usize::try_from(before).unwrap();
    let ours = |log: Vec<log::Message>| -> Vec<_> {
        log.into_iter().skip(skip).filter(|message| message.subject != "events.stock.back").collect()
    };
    memory.agrees_with(&ours(shop.log().await));
    memory.repeat_what_is_keyed(&shop.api).await;
    let stored = shop.log().await;
    log::check(&stored);
    fold::lists_equal_the_fold(&shop.api, &stored).await;
    memory.agrees_with(&ours(stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_were_told_is_true_when_the_broker_is_killed_under_load() {
    let server = Server::throwaway().await.unwrap();
    let shop = shop_on(&server).await;
    let before = shop.log().await.len() as u64;
    let load = Load::start(&shop.api);
    for times in 1..=4 {
        let client = async_nats::connect(server.url()).await.unwrap();
        let begin = log::length(&client, "EVENTS").await.unwrap();
        let more = async || (log::length(&client, "EVENTS").await? > begin + 150).then_some(());
        eventually("work is done", Duration::from_secs(20), more).await;
        server.kill().unwrap();
        server.restarted(times).await;
        goes_on(&shop).await;
    }
    ends_well(&shop, load.end().await, before).await;
}
