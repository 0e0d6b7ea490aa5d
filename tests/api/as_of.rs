//! Things as they were, by version and by time.

use serde_json::{Value, json};

use crate::client::{Api, fresh_id, fresh_sku, line};

/// When each event of something was taken in, oldest first.
async fn times(api: &Api, thing: &Value) -> Vec<String> {
    let events = api.get(&format!("{}/events", Api::path(thing))).await.ok();
    events.as_array().unwrap().iter().map(|event| event["time"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_user_is_shown_as_it_was_also_after_it_is_gone() {
    let api = Api::shared();
    let first = api.user().await;
    let path = Api::path(&first);
    let second = api.put(&path, json!({"name": "Anna"})).await.ok();
    api.delete(&path).await.ok();
    api.get(&path).await.problem("not-found");

    for (version, user) in [(1, &first), (2, &second)] {
        let was = api.get(&format!("{path}?version={version}")).await;
        assert_eq!((&was.ok(), was.version()), (user, version));
    }
    let times = times(&api, &first).await;
    let was = api.get(&format!("{path}?at={}", times[0])).await;
    assert_eq!((was.ok(), was.version()), (first.clone(), 1));
    let east = times[1].replace('Z', "%2B00:00");
    assert_eq!(api.get(&format!("{path}?at={east}")).await.ok(), second);

    for then in ["version=3".to_owned(), format!("at={}", times[2]), "at=2999-01-01T00:00:00Z".to_owned()] {
        let problem = api.get(&format!("{path}?{then}")).await.problem("not-found");
        assert!(problem["detail"].as_str().unwrap().contains("no more"), "{problem}");
    }
    let head = api.call(&format!("HEAD {path}?version=1"), &[], Value::Null).await;
    assert_eq!((head.status, head.version()), (200, 1));
}

#[tokio::test]
async fn an_order_and_an_article_are_shown_as_they_were() {
    let api = Api::shared();
    let user = api.user().await;
    let draft = api.order(&user, true).await;
    let path = Api::path(&draft);
    let changed = api.put(&path, json!({"lines": [line("cup", 1, 999)]})).await.ok();
    let placed = api.post(&format!("{path}/place"), Value::Null).await.ok();
    for (version, order) in [(1, &draft), (2, &changed), (3, &placed)] {
        let was = api.get(&format!("{path}?version={version}")).await;
        assert_eq!((&was.ok(), was.version()), (order, version));
    }
    // Of what was there is nothing to wait for.
    let was = api.call(&format!("GET {path}?version=3"), &[("prefer", "wait=30")], Value::Null).await;
    assert_eq!(was.ok(), placed);

    let stock = format!("/stock/{}", fresh_sku("tea"));
    let first = api.post(&format!("{stock}/receipts"), json!({"quantity": 3})).await.ok();
    api.post(&format!("{stock}/receipts"), json!({"quantity": 4})).await.ok();
    assert_eq!(api.get(&format!("{stock}?version=1")).await.ok(), first);
}

#[tokio::test]
async fn who_asks_for_what_never_was_is_told_what_to_do() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let problem = api.get(&format!("{path}?version=2")).await.problem("not-found");
    assert!(problem["detail"].as_str().unwrap().contains("its last is 1"), "{problem}");
    let problem = api.get(&format!("{path}?at=2020-01-01T00:00:00Z")).await.problem("not-found");
    assert!(problem["detail"].as_str().unwrap().contains("not there yet"), "{problem}");
    let nobody = format!("/orders/{}", fresh_id());
    for then in ["version=1", "at=2999-01-01T00:00:00Z"] {
        api.get(&format!("{nobody}?{then}")).await.problem("not-found");
    }
    for wrong in [
        "version=0",
        "version=-1",
        "version=x",
        "version=",
        "at=yesterday",
        "at=2026-01-31",
        "version=1&at=2026-01-31T12:00:00Z",
        "version=1&version=1",
        "verison=1",
    ] {
        let problem = api.get(&format!("{path}?{wrong}")).await.problem("malformed-request");
        assert!(problem["detail"].as_str().unwrap().contains(&wrong[..2]), "{wrong}: {problem}");
    }
}
