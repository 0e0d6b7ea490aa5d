//! How new an answer is: lists that wait for a position, an order that is awaited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Api};
use crate::harness::{self, Program};
use crate::log::Log;
use crate::wire::Wire;

const FAR: &str = "9000000000000000000";

async fn list(api: &Api, headers: &[(&str, &str)]) -> Answer {
    api.call("GET /users?limit=1", headers, Value::Null).await
}

#[tokio::test]
async fn a_list_shows_what_this_node_has_just_acknowledged() {
    let api = Api::shared();
    for _ in 0..20 {
        let user = api.user().await;
        let path = format!("/users?email={}", user["email"].as_str().unwrap());
        assert_eq!(api.get(&path).await.ok(), json!([user]));
    }
}

#[tokio::test]
async fn a_list_waits_for_the_position_that_i_name() {
    let api = Api::shared();
    for kind in ["users", "orders", "stock"] {
        let user = api.user().await;
        let position = api.put(&Api::path(&user), json!({"name": "Bea"})).await.position();
        let headers = [("jetsource-position", position.to_string())];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = api.call(&format!("GET /{kind}"), &headers, Value::Null).await;
        answer.ok();
        assert!(answer.position() >= position, "{kind}: {answer}");
    }
    list(&api, &[("jetsource-position", "0")]).await.ok();
}

#[tokio::test]
async fn a_position_far_ahead_is_waited_for_as_long_as_i_say() {
    let api = Api::shared();
    for (wait, least) in [("wait=1", 1), ("wait=0", 0), ("respond-async, wait=\"1\"", 1)] {
        let started = Instant::now();
        let answer = list(&api, &[("jetsource-position", FAR), ("prefer", wait)]).await;
        let took = started.elapsed();
        let problem = answer.problem("projection-behind");
        assert!(problem["detail"].as_str().unwrap().contains(FAR), "{answer}");
        assert!(answer.header("retry-after").unwrap().parse::<u64>().is_ok());
        assert!(took >= Duration::from_secs(least) && took < Duration::from_secs(least + 4), "{took:?}");
    }
    for kind in ["orders", "stock"] {
        let headers = [("jetsource-position", "18446744073709551615"), ("prefer", "wait=0")];
        api.call(&format!("GET /{kind}"), &headers, Value::Null).await.problem("projection-behind");
    }
}

#[tokio::test]
async fn a_list_that_may_be_old_is_answered_at_once() {
    let api = Api::shared();
    api.user().await;
    let answer = list(&api, &[("prefer", "wait=0")]).await;
    answer.ok();
    answer.position();
}

#[tokio::test]
async fn a_position_or_wait_that_cannot_be_read_is_malformed() {
    let api = Api::shared();
    for wrong in ["x", "-1", "1.5", "", "1, 2", "18446744073709551616", "\"1\""] {
        list(&api, &[("jetsource-position", wrong)]).await.problem("malformed-request");
    }
    list(&api, &[("jetsource-position", "1"), ("jetsource-position", "1")])
        .await
        .problem("malformed-request");
    for wrong in ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=99999999999999999999999"] {
        list(&api, &[("prefer", wrong)]).await.problem("malformed-request");
    }
    for none_of_ours in ["return=minimal", "", ",", "waiting=7", "respond-async"] {
        list(&api, &[("prefer", none_of_ours)]).await.ok();
    }
}

#[tokio::test]
async fn an_order_is_awaited_until_it_is_no_longer_placed() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let path = Api::path(&order);
    let started = Instant::now();
    let mut waiting = Wire::to(&api).await;
    waiting.request(&format!("GET {path}"), "prefer: wait=25\r\n", "").await;
    // While that one waits, what does not end the wait and then what does.
    api.put(&path, json!({"ship_to": "1 Main St"})).await.ok();
    let cancelled = api.post(&format!("{path}/cancel"), json!({"reason": "too slow"})).await.ok();
    let answer = waiting.answer().await.unwrap();
    assert_eq!((answer.ok(), answer.version()), (cancelled, 3));
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// What happens while the program has lost the broker, it is not told of.
#[tokio::test]
async fn an_order_is_awaited_though_the_broker_starts_anew_meanwhile() {
    let api = Api::of(Arc::new(Program::start()));
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let mut waiting = Wire::to(&api).await;
    waiting.request(&format!("GET {}", Api::path(&order)), "prefer: wait=6\r\n", "").await;
    api.get("/readyz").await.ok();
    harness::send(api.program.broker_pid().unwrap(), rustix::process::Signal::KILL);
    Log::of(&api).await.confirm(&order).await;
    let answer = waiting.answer().await.unwrap();
    assert_eq!(answer.ok()["status"], "confirmed");
}

#[tokio::test]
async fn an_order_is_awaited_no_longer_than_i_say() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let line = format!("GET {}", Api::path(&order));
    let started = Instant::now();
    assert_eq!(api.call(&line, &[("prefer", "wait=1")], Value::Null).await.ok(), order);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(950) && took < Duration::from_secs(5), "{took:?}");
    assert_eq!(api.call(&line, &[("prefer", "wait=0")], Value::Null).await.ok(), order);
    api.call(&line, &[("prefer", "wait=soon")], Value::Null).await.problem("malformed-request");
}

#[tokio::test]
async fn an_order_that_waits_for_nothing_is_answered_at_once() {
    let api = Api::shared();
    let user = api.user().await;
    let draft = api.order(&user, true).await;
    let started = Instant::now();
    let line = format!("GET {}", Api::path(&draft));
    assert_eq!(api.call(&line, &[("prefer", "wait=30")], Value::Null).await.ok(), draft);
    let nobody = format!("GET /orders/{}", crate::client::fresh_id());
    api.call(&nobody, &[("prefer", "wait=30")], Value::Null).await.problem("not-found");
    assert!(started.elapsed() < Duration::from_secs(20));
}
