//! Idempotency keys: a call sent again is not done again.

use serde_json::{Value, json};

use crate::client::{Answer, Api, fresh_email, fresh_id, fresh_sku, line};

async fn keyed(api: &Api, line: &str, key: &str, body: Value) -> Answer {
    api.call(line, &[("idempotency-key", key)], body).await
}

/// The same answer again, and told to be so.
#[track_caller]
fn is_replay(again: &Answer, first: &Answer) {
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again}");
    assert!(first.header("idempotency-replayed").is_none(), "{first}");
    assert_eq!((again.status, &again.body), (first.status, &first.body), "{again}");
    for name in ["etag", "location", "jetsource-position", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}: {again}");
    }
}

#[tokio::test]
async fn i_repeat_what_makes_something() {
    let api = Api::shared();
    let (key, buyer) = (fresh_id(), api.user().await);
    let body = json!({"name": "Ann", "email": fresh_email()});
    let first = keyed(&api, "POST /users", &key, body.clone()).await;
    let user = first.created();
    is_replay(&keyed(&api, "POST /users", &key, body.clone()).await, &first);
    is_replay(&keyed(&api, "POST /users", &format!("\"{key}\""), body.clone()).await, &first);
    assert_eq!(api.events(&user).await, 1);
    api.put(&Api::path(&user), json!({"name": "Bea"})).await.ok();
    is_replay(&keyed(&api, "POST /users", &key, body.clone()).await, &first);
    api.delete(&Api::path(&user)).await.ok();
    is_replay(&keyed(&api, "POST /users", &key, body).await, &first);

    let key = fresh_id();
    let body = json!({"user_id": buyer["id"], "lines": [line("tea", 1, 1)]});
    let first = keyed(&api, "POST /orders", &key, body.clone()).await;
    first.created();
    is_replay(&keyed(&api, "POST /orders", &key, body).await, &first);
}

#[tokio::test]
async fn i_repeat_what_changes_something() {
    let api = Api::shared();
    let user = api.user().await;
    let (path, buyer) = (Api::path(&user), api.user().await);
    let order = Api::path(&api.order(&buyer, true).await);
    let article = format!("POST /stock/{}/receipts", fresh_sku("tea"));
    for (line, body) in [
        (article, json!({"quantity": 5})),
        (format!("PUT {path}"), json!({"name": "Bea"})),
        (format!("PUT {path}/credit-limit"), json!({"amount": 3})),
        (format!("DELETE {path}"), json!(null)),
        (format!("PUT {order}"), json!({"ship_to": "1 Main St"})),
        (format!("POST {order}/place"), json!(null)),
        (format!("POST {order}/cancel"), json!({"reason": "x"})),
        (format!("DELETE {order}"), json!(null)),
    ] {
        let key = fresh_id();
        let first = keyed(&api, &line, &key, body.clone()).await;
        first.ok();
        is_replay(&keyed(&api, &line, &key, body).await, &first);
    }
    assert_eq!(api.events(&user).await, 4);
}

#[tokio::test]
async fn what_changed_nothing_the_first_time_is_repeated_as_it_was() {
    let api = Api::shared();
    let user = api.user().await;
    let (line, key) = (format!("PUT {}", Api::path(&user)), fresh_id());
    let same = json!({"name": user["name"]});
    let first = keyed(&api, &line, &key, same.clone()).await;
    assert_eq!(first.ok(), user);
    api.put(&Api::path(&user), json!({"name": "Bea"})).await.ok();
    is_replay(&keyed(&api, &line, &key, same).await, &first);
    assert_eq!(api.get(&Api::path(&user)).await.ok()["name"], "Bea", "newer work stays");
}

#[tokio::test]
async fn a_key_is_looked_at_before_versions_and_rules() {
    let api = Api::shared();
    let user = api.user().await;
    let (line, key) = (format!("PUT {}", Api::path(&user)), fresh_id());
    let headers = [("idempotency-key", key.as_str()), ("if-match", "\"1\"")];
    let first = api.call(&line, &headers, json!({"name": "Bea"})).await;
    first.ok();
    is_replay(&api.call(&line, &headers, json!({"name": "Bea"})).await, &first);
    let other = api.call(&line, &headers, json!({"name": "Eve"})).await;
    other.problem("idempotency-key-reused");
}

#[tokio::test]
async fn another_call_under_my_key_is_refused() {
    let api = Api::shared();
    let user = api.user().await;
    let (path, key) = (Api::path(&user), fresh_id());
    keyed(&api, &format!("PUT {path}"), &key, json!({"name": "Bea"})).await.ok();
    let other = Api::path(&api.user().await);
    for (line, body) in [
        (format!("PUT {path}"), json!({"name": "Eve"})),
        (format!("PUT {other}"), json!({"name": "Bea"})),
        (format!("DELETE {path}"), json!(null)),
        (format!("PUT {path}/credit-limit"), json!({"amount": 1})),
        ("POST /users".into(), json!({"name": "Bea", "email": fresh_email()})),
        (format!("POST /stock/{}/receipts", fresh_sku("x")), json!({"quantity": 1})),
    ] {
        keyed(&api, &line, &key, body).await.problem("idempotency-key-reused");
    }
    assert_eq!(api.events(&user).await, 2);
}

#[tokio::test]
async fn after_a_refusal_my_call_is_decided_anew() {
    let api = Api::shared();
    let taken = api.user().await;
    let (key, body) = (fresh_id(), json!({"name": "Bob", "email": taken["email"]}));
    keyed(&api, "POST /users", &key, body.clone()).await.problem("email-taken");
    keyed(&api, "POST /users", &key, body.clone()).await.problem("email-taken");
    api.delete(&Api::path(&taken)).await.ok();
    let made = keyed(&api, "POST /users", &key, body.clone()).await;
    made.created();
    is_replay(&keyed(&api, "POST /users", &key, body).await, &made);
}

#[tokio::test]
async fn eight_calls_with_one_key_at_once_are_done_once() {
    let api = Api::shared();
    let key = fresh_id();
    let body = json!({"name": "Ann", "email": fresh_email()});
    let calls = (0..8).map(|_| keyed(&api, "POST /users", &key, body.clone()));
    let answers = futures_util::future::join_all(calls).await;
    let mut made = answers.iter().filter(|answer| answer.status == 201);
    let first = made.next().unwrap();
    assert!(made.all(|answer| answer.body == first.body));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem("conflict");
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    let done = answers
        .iter()
        .filter(|answer| answer.status == 201 && answer.header("idempotency-replayed").is_none());
    assert_eq!(done.count(), 1);
    assert_eq!(api.events(&first.json()).await, 1);
}

#[tokio::test]
async fn keys_have_a_form() {
    let api = Api::shared();
    let user = api.user().await;
    let line = format!("PUT {}", Api::path(&user));
    let long = format!("{}{}", fresh_id(), "~".repeat(255 - 36));
    keyed(&api, &line, &long, json!({"name": "Bea"})).await.ok();
    for wrong in [format!("{long}x"), String::new(), "\"\"".into(), "a b".into(), "\"a".to_owned() + " \""] {
        let answer = keyed(&api, &line, &wrong, json!({"name": "Eve"})).await;
        assert!(answer.problem("malformed-request")["detail"].as_str().unwrap().contains("Idempotency-Key"));
    }
    let two = [("idempotency-key", "a"), ("idempotency-key", "b")];
    api.call(&line, &two, json!({"name": "Eve"})).await.problem("malformed-request");
    assert_eq!(api.get(&Api::path(&user)).await.ok()["name"], "Bea");
}
