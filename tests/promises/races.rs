//! Many at once: one winner where there can be one, no update lost where all can win, and whoever listens hears
//! what is stored.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::caller::{Answer, Call};
use crate::{Shop, fold, log};

/// Two nodes of one deployment, and a plain subscriber since before the first event.
struct Race {
    shop: Shop,
    other: Shop,
    listener: log::Listener,
}

impl Race {
    async fn open() -> Self {
        let shop = Shop::open();
        let other = shop.second_node();
        let listener = log::Listener::start(shop.program.nats()).await;
        Self { shop, other, listener }
    }

    /// So many at once, in turns on the one node and on the other; the answers in the order of the calls.
    async fn at_once(
        &self,
        many: usize,
        call: impl Fn(&crate::caller::Caller, usize) -> Call,
    ) -> Vec<Answer> {
        let node = |n: usize| if n.is_multiple_of(2) { &self.shop.api } else { &self.other.api };
        let calls = (0..many).map(|n| tokio::spawn(call(node(n), n).answer()));
        let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer.status < 500), "{answers:?}");
        answers
    }

    /// The log is whole, and was heard and listed as it is.
    async fn end(self) -> Vec<log::Message> {
        let stored = self.shop.log().await;
        log::check(&stored);
        self.listener.heard_exactly(&stored).await;
        fold::lists_equal_the_fold(&self.shop.api, &stored).await;
        stored
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_race_for_one_address() {
    let race = Race::open().await;
    for round in 1..=5 {
        let answers = race
            .at_once(16, |api, n| {
                let email = format!("Round-{round}@Example.com");
                let email = if n.is_multiple_of(3) { email.to_lowercase() } else { email };
                api.post("/users", &json!({"name": format!("racer {n}"), "email": email}))
            })
            .await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1, "{answers:?}");
        let taken = |answer: &&Answer| answer.status == 409 && answer.problem() == "email-taken";
        assert!(lost.iter().all(taken), "{lost:?}");
        assert_eq!(race.shop.api.get(&format!("/users/{}", won[0].id())).is(200).await.json(), won[0].json());
    }
    assert_eq!(race.end().await.len(), 5 * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_send_one_key_at_once() {
    let race = Race::open().await;
    let post = async |path: &str, key: String, body: Value| {
        let answers = race.at_once(8, |api, _| api.post(path, &body).key(&key)).await;
        one_carried_out(answers)
    };
    for round in 1..=8 {
        let user = json!({"name": "Ann", "email": format!("ann-{round}@example.com")});
        let ann = post("/users", format!("user-{round}"), user).await;
        let order = json!({"user_id": ann.id(), "draft": true, "lines": []});
        post("/orders", format!("order-{round}"), order).await;
        let receipt = post("/stock/A/receipts", format!("stock-{round}"), json!({"quantity": round})).await;
        assert_eq!(receipt.version(), round);
        // One that changes nothing.
        let path = format!("/users/{}", ann.id());
        let same = json!({"name": "Ann"});
        let answers = race.at_once(8, |api, _| api.put(&path, &same).key(&format!("same-{round}"))).await;
        assert_eq!(one_carried_out(answers).version(), 1);
    }
    assert_eq!(race.shop.api.get("/stock/A").is(200).await.json()["on_hand"], 36);
    assert_eq!(race.end().await.len(), 8 * (2 + 1 + 1));
}

/// One call was carried out, every other one got its answer, or is told to come again.
fn one_carried_out(answers: Vec<Answer>) -> Answer {
    let busy = |answer: &Answer| answer.status == 409;
    for answer in answers.iter().filter(|answer| busy(answer)) {
        assert_eq!(answer.problem(), "conflict");
        assert!(answer.header("retry-after").is_some());
    }
    let (first, others): (Vec<_>, Vec<_>) =
        answers.into_iter().filter(|answer| !busy(answer)).partition(|answer| !answer.is_replayed());
    assert_eq!(first.len(), 1, "{first:?} {others:?}");
    for other in &others {
        other.repeats(&first[0]);
    }
    first.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_change_one_order() {
    let race = Race::open().await;
    let api = &race.shop.api;
    let ann = api.post("/users", &json!({"name": "Ann", "email": "ann@example.com"})).is(201).await.id();
    let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 5}]);
    let order = api.post("/orders", &json!({"user_id": ann, "lines": lines})).is(201).await.id();
    let path = format!("/orders/{order}");
    let answers = race.at_once(50, |api, n| api.put(&path, &json!({"ship_to": format!("door {n}")}))).await;
    let mut versions = BTreeSet::new();
    let mut last = (0, String::new());
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 200, "{answer:?}");
        // Each saw its own change as the newest.
        assert_eq!(answer.json()["ship_to"], format!("door {n}"));
        assert_eq!(answer.header("etag"), Some(&*format!("\"{}\"", answer.version())));
        versions.insert(answer.version());
        last = last.max((answer.version(), format!("door {n}")));
    }
    assert_eq!(versions, (2..=51).collect());
    let end = race.other.api.get(&path).is(200).await;
    assert_eq!((end.version(), end.json()["ship_to"].as_str()), (51, Some(&*last.1)));
    let events = api.get(&format!("{path}/events?limit=200")).is(200).await.json();
    assert_eq!(events.as_array().unwrap().len(), 51);
    assert_eq!(race.end().await.len(), 2 + 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_receipts_sum_up() {
    let race = Race::open().await;
    let quantity = |n: usize| json!({"quantity": n + 1});
    let answers = race.at_once(20, |api, n| api.post("/stock/A.b/receipts", &quantity(n))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let versions: BTreeSet<_> = answers.iter().map(Answer::version).collect();
    assert_eq!(versions, (1..=20).collect());
    let article = race.other.api.get("/stock/A.b").is(200).await.json();
    let whole = json!({"sku": "A.b", "on_hand": 210, "reserved": 0, "available": 210, "version": 20});
    assert_eq!(article, whole);
    assert_eq!(race.end().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once_with_named_versions() {
    let race = Race::open().await;
    race.shop.api.post("/stock/A/receipts", &json!({"quantity": 1})).is(200).await;
    let call = |api: &crate::caller::Caller, _| {
        api.post("/stock/A/receipts", &json!({"quantity": 1})).header("if-match", "\"1\"")
    };
    let answers = race.at_once(16, call).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    let lost = |answer: &&Answer| answer.status == 412 && answer.problem() == "version-mismatch";
    assert_eq!(answers.iter().filter(lost).count(), 15, "{answers:?}");
    assert_eq!(race.end().await.len(), 2);
}
