//! A keyed call that is repeated, for whatever reason, happens once and is answered as the first time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::log::Message;
use crate::{Shop, eventually, log};

fn ann() -> Value {
    json!({"name": "Ann", "email": "ann@example.com"})
}

fn registrations(log: &[Message]) -> usize {
    log.iter().filter(|message| message.is("user-registered")).count()
}

#[tokio::test]
async fn a_caller_who_hangs_up_in_the_middle_finds_it_done_once() {
    let shop = Shop::open();
    let client = async_nats::connect(shop.program.nats()).await.unwrap();
    let reached = async |stream: &str, length: u64| {
        eventually(stream, Duration::from_secs(5), async || {
            (log::length(&client, stream).await? >= length).then_some(())
        })
        .await;
    };
    for round in 1..=10 {
        let body = json!({"name": "Ann", "email": format!("ann-{round}@example.com")});
        let key = format!("lost-{round}");
        let caller = shop.api.post_unheard("/users", &key, &body).await;
        reached("KEYS", round).await;
        drop(caller);
        // Nobody waits for the answer; it is carried out all the same, both events of it.
        reached("EVENTS", round * 2).await;
        let again = shop.api.post("/users", &body).key(&key).is(201).await;
        assert!(again.is_replayed());
        shop.api.post("/users", &body).key(&key).is(201).await.repeats(&again);
        let user = shop.api.get(again.header("location").unwrap()).is(200).await;
        assert_eq!((user.json(), user.header("etag")), (again.json(), again.header("etag")));
    }
    let stored = shop.log().await;
    assert_eq!((registrations(&stored), stored.len()), (10, 20));
    log::check(&stored);
}

#[tokio::test]
async fn a_caller_who_hangs_up_at_once_and_calls_again_finds_it_done_once() {
    let shop = Shop::open();
    for round in 1..=20 {
        let body = json!({"name": "Ann", "email": format!("ann-{round}@example.com")});
        let key = format!("lost-{round}");
        drop(shop.api.post_unheard("/users", &key, &body).await);
        let again = shop.api.post("/users", &body).key(&key).is(201).await;
        shop.api.post("/users", &body).key(&key).is(201).await.repeats(&again);
    }
    let stored = shop.log().await;
    assert_eq!((registrations(&stored), stored.len()), (20, 40));
}

#[tokio::test]
async fn a_key_survives_a_crash_at_any_moment() {
    let mut shop = Shop::open();
    let first = shop.api.post("/users", &ann()).key("ann").is(201).await;
    for round in 1..=3 {
        let body = json!({"name": "Ben", "email": format!("ben-{round}@example.com")});
        let key = format!("ben-{round}");
        let unheard = shop.api.post_unheard("/users", &key, &body).await;
        shop.crash();
        drop(unheard);
        shop.api.post("/users", &ann()).key("ann").is(201).await.repeats(&first);
        let ben = shop.api.post("/users", &body).key(&key).is(201).await;
        shop.api.post("/users", &body).key(&key).is(201).await.repeats(&ben);
    }
    let stored = shop.log().await;
    assert_eq!((registrations(&stored), stored.len()), (4, 8));
    log::check(&stored);
}

#[tokio::test]
async fn a_key_survives_a_crash_of_the_broker() {
    let shop = Shop::open();
    let body = json!({"quantity": 7});
    let first = shop.api.post("/stock/A/receipts", &body).key("k").is(200).await;
    let unchanged = json!({"name": "Ann"});
    let id = shop.api.post("/users", &ann()).is(201).await.id();
    let nothing = shop.api.put(&format!("/users/{id}"), &unchanged).key("n").is(200).await;
    crate::harness::send(shop.program.broker_pid().unwrap(), rustix::process::Signal::KILL);
    eventually("the broker is back", Duration::from_secs(10), async || {
        let again = shop.api.post("/stock/A/receipts", &body).key("k").answer().await;
        assert!(matches!(again.status, 200 | 503), "{again:?}");
        (again.status == 200).then(|| again.repeats(&first))
    })
    .await;
    shop.api.put(&format!("/users/{id}"), &unchanged).key("n").is(200).await.repeats(&nothing);
    assert_eq!(shop.api.get("/stock/A").is(200).await.json()["on_hand"], 7);
}

#[tokio::test]
async fn a_key_is_one_for_all_nodes_and_the_own_address_is_not_taken() {
    let shop = Shop::open();
    let other = shop.second_node();
    let first = shop.api.post("/users", &ann()).key("k").is(201).await;
    other.api.post("/users", &ann()).key("k").is(201).await.repeats(&first);
    let taken = other.api.post("/users", &ann()).key("another").is(409).await;
    assert_eq!(taken.problem(), "email-taken");
    assert_eq!(other.api.get(first.header("location").unwrap()).is(200).await.json(), first.json());
    // The other way round, with an id of the caller's own.
    let id = "0190a5e2-0000-7000-8000-0000000000aa";
    let ben = json!({"name": "Ben", "email": "ben@example.com", "id": id});
    let first = other.api.post("/users", &ben).key("b").is(201).await;
    assert_eq!((first.id().as_str(), first.header("location")), (id, Some(&*format!("/users/{id}"))));
    shop.api.post("/users", &ben).key("b").is(201).await.repeats(&first);
    assert_eq!(shop.api.post("/users", &ben).key("c").is(409).await.problem(), "conflict");
    assert_eq!(shop.log().await.len(), 4);
}

#[tokio::test]
async fn a_no_op_that_newer_work_has_overtaken_stays_what_it_was() {
    let mut shop = Shop::open();
    let other = shop.second_node();
    let id = shop.api.post("/users", &ann()).is(201).await.id();
    let path = format!("/users/{id}");
    let first = shop.api.put(&path, &json!({"name": "Ann"})).key("same").is(200).await;
    assert_eq!((first.version(), first.is_replayed()), (1, false));
    shop.api.put(&path, &json!({"name": "Zoe"})).is(200).await;
    for api in [&shop.api, &other.api] {
        api.put(&path, &json!({"name": "Ann"})).key("same").is(200).await.repeats(&first);
    }
    assert_eq!(shop.api.get(&path).is(200).await.json()["name"], "Zoe");
    drop(other);
    shop.crash();
    shop.api.put(&path, &json!({"name": "Ann"})).key("same").is(200).await.repeats(&first);
    assert_eq!(shop.api.get(&path).is(200).await.version(), 2);
    shop.api.delete(&path).is(200).await;
    shop.api.put(&path, &json!({"name": "Ann"})).key("same").is(200).await.repeats(&first);
    assert_eq!(shop.api.get(&path).is(404).await.problem(), "not-found");
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let shop = Shop::open();
    let other = shop.second_node();
    let first = shop.api.post("/users", &ann()).key("k").is(201).await;
    let path = format!("/users/{}", first.id());
    let name = json!({"name": "Zoe"});
    shop.api.put(&path, &name).key("put").is(200).await;
    let before = shop.log().await;
    for api in [&shop.api, &other.api] {
        let spaced = r#"{"name": "Ann",  "email":"ann@example.com"}"#;
        for call in [
            api.post("/users", &json!({"name": "Bea", "email": "bea@example.com"})),
            api.post("/users", &json!({})).text(spaced),
            api.post("/orders", &json!({"user_id": first.id(), "draft": true, "lines": []})),
            api.post("/stock/A/receipts", &json!({"quantity": 1})),
            api.put(&path, &ann()),
            api.delete(&path),
        ] {
            let refused = call.key("k").is(422).await;
            assert_eq!(refused.problem(), "idempotency-key-reused", "{refused:?}");
        }
        let credit = api.put(&format!("{path}/credit-limit"), &json!({"amount": 1})).key("put").is(422).await;
        assert_eq!(credit.problem(), "idempotency-key-reused");
        let bodiless = api.delete(&path).key("put").is(422).await;
        assert_eq!(bodiless.problem(), "idempotency-key-reused");
        api.post("/users", &ann()).key("k").is(201).await.repeats(&first);
    }
    assert_eq!(shop.log().await, before);
}

#[tokio::test]
async fn a_key_is_any_visible_text_quoted_or_bare() {
    let shop = Shop::open();
    let longest = "~.*>%=/".repeat(40)[..255].to_owned();
    for key in ["1", "a.b", "*", ">", "events.>", "=2E", "\\\"", &longest] {
        let body = json!({"quantity": 1});
        let before = shop.api.post("/stock/A/receipts", &body).is(200).await;
        let first = shop.api.post("/stock/A/receipts", &body).key(key).is(200).await;
        assert_eq!(first.version(), before.version() + 1, "{key}");
        let quoted = format!("\"{key}\"");
        shop.api.post("/stock/A/receipts", &body).key(&quoted).is(200).await.repeats(&first);
        shop.api.post("/stock/A/receipts", &body).key(key).is(200).await.repeats(&first);
    }
    for wrong in ["", "\"\"", "a b", &"x".repeat(256)] {
        let refused = shop.api.post("/stock/A/receipts", &json!({"quantity": 1})).key(wrong).is(400).await;
        assert_eq!(refused.problem(), "malformed-request", "{wrong}");
    }
    assert_eq!(shop.log().await.len(), 16);
}

#[tokio::test]
async fn after_a_refusal_the_same_call_is_decided_anew() {
    let shop = Shop::open();
    let other = shop.second_node();
    let holder = shop.api.post("/users", &ann()).is(201).await.id();
    let second = json!({"name": "Second", "email": "ANN@example.com "});
    for api in [&shop.api, &other.api] {
        let refused = api.post("/users", &second).key("k").is(409).await;
        assert_eq!((refused.problem().as_str(), refused.is_replayed()), ("email-taken", false));
    }
    let path = format!("/users/{holder}");
    let name = json!({"name": "Newer"});
    let mismatch = shop.api.put(&path, &name).header("if-match", "\"2\"").key("m").is(412).await;
    assert_eq!(mismatch.problem(), "version-mismatch");
    shop.api.put(&format!("{path}/credit-limit"), &json!({"amount": 1})).is(200).await;
    let matched = other.api.put(&path, &name).header("if-match", "\"2\"").key("m").is(200).await;
    assert_eq!((matched.version(), matched.is_replayed()), (3, false));
    // Now the version is no longer 2, which a repetition does not mind.
    shop.api.put(&path, &name).header("if-match", "\"2\"").key("m").is(200).await.repeats(&matched);

    let order = json!({"user_id": "0190a5e2-0000-7000-8000-0000000000bb", "lines": [], "draft": true});
    let unknown = shop.api.post("/orders", &order).key("o").is(422).await;
    assert_eq!(unknown.problem(), "unknown-user");
    let late = json!({"name": "Late", "email": "late@example.com", "id": order["user_id"]});
    shop.api.post("/users", &late).is(201).await;
    let order_made = other.api.post("/orders", &order).key("o").is(201).await;
    shop.api.post("/orders", &order).key("o").is(201).await.repeats(&order_made);

    shop.api.delete(&path).is(200).await;
    let done = shop.api.post("/users", &second).key("k").is(201).await;
    assert!(!done.is_replayed());
    other.api.post("/users", &second).key("k").is(201).await.repeats(&done);
    log::check(&shop.log().await);
}

#[tokio::test]
async fn a_key_is_looked_at_before_versions_and_rules() {
    let shop = Shop::open();
    let first = shop.api.post("/users", &ann()).key("made").is(201).await;
    let user = format!("/users/{}", first.id());
    let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 5}]);
    let body = json!({"user_id": first.id(), "lines": lines});
    let order = shop.api.post("/orders", &body).key("order").is(201).await;
    let renamed =
        shop.api.put(&user, &json!({"name": "B"})).header("if-match", "\"1\"").key("ren").is(200).await;
    let versioned = json!({"name": "C", "version": 2});
    let by_field = shop.api.put(&user, &versioned).key("field").is(200).await;
    assert_eq!(by_field.version(), 3);
    let cancelled = shop.api.delete(&format!("/orders/{}", order.id())).key("cancel").is(200).await;
    let deleted = shop.api.delete(&user).header("if-match", "\"3\"").key("gone").is(200).await;
    let before = shop.log().await;

    // The user is gone, its address free, its version another; the order is cancelled.
    shop.api.post("/users", &ann()).key("made").header("if-match", "\"9\"").is(201).await.repeats(&first);
    shop.api.post("/orders", &body).key("order").is(201).await.repeats(&order);
    let stale = shop.api.put(&user, &json!({"name": "B"})).header("if-match", "\"1\"").key("ren");
    stale.is(200).await.repeats(&renamed);
    shop.api.put(&user, &versioned).key("field").is(200).await.repeats(&by_field);
    let path = format!("/orders/{}", order.id());
    shop.api.delete(&path).key("cancel").is(200).await.repeats(&cancelled);
    shop.api.delete(&user).header("if-match", "\"3\"").key("gone").is(200).await.repeats(&deleted);
    shop.api.delete(&user).key("gone").is(200).await.repeats(&deleted);
    // Under no key, or another one, all of it is refused.
    shop.api.post("/orders", &body).is(422).await;
    shop.api.put(&user, &versioned).key("new").is(404).await;
    shop.api.delete(&user).key("newer").is(404).await;
    assert_eq!(shop.log().await, before);
}
