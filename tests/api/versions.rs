//! Versions: what a caller relies on with `If-Match`.

use serde_json::{Value, json};

use crate::client::{Api, fresh_email, fresh_id, fresh_sku, line};

/// Every command on something that exists, with a body that changes something.
async fn commands(api: &Api) -> Vec<(String, Value)> {
    let user = Api::path(&api.user().await);
    let buyer = api.user().await;
    let (draft, placed) =
        (Api::path(&api.order(&buyer, true).await), Api::path(&api.order(&buyer, false).await));
    let article = format!("/stock/{}/receipts", fresh_sku("tea"));
    api.post(&article, json!({"quantity": 1})).await.ok();
    vec![
        (format!("PUT {user}/credit-limit"), json!({"amount": 7})),
        (format!("PUT {user}"), json!({"name": "Bea"})),
        (format!("DELETE {user}"), json!(null)),
        (format!("PUT {draft}"), json!({"ship_to": "1 Main St"})),
        (format!("POST {draft}/place"), json!(null)),
        (format!("POST {placed}/cancel"), json!({"reason": "x"})),
        (format!("DELETE {draft}"), json!(null)),
        (format!("POST {article}"), json!({"quantity": 1})),
    ]
}

#[tokio::test]
async fn a_command_on_the_version_i_saw_is_done_and_on_another_is_not() {
    let api = Api::shared();
    for (line, body) in commands(&api).await {
        for stale in ["\"0\"", "\"77\"", "\"18446744073709551615\""] {
            let answer = api.call(&line, &[("if-match", stale)], body.clone()).await;
            let problem = answer.problem("version-mismatch");
            assert!(
                answer.header("etag").is_none() && problem["detail"].as_str().unwrap().contains("version")
            );
        }
        let path = line.split(' ').nth(1).unwrap();
        let entity = path.split('/').take(3).collect::<Vec<_>>().join("/");
        let tag = api.get(&entity).await.header("etag").unwrap().to_owned();
        let answer = api.call(&line, &[("if-match", &tag)], body).await;
        answer.ok();
        assert_eq!(format!("\"{}\"", answer.version() - 1), tag, "{line}");
    }
}

#[tokio::test]
async fn an_old_tag_is_refused_even_where_nothing_would_change() {
    let api = Api::shared();
    let user = api.user().await;
    let line = format!("PUT {}", Api::path(&user));
    api.call(&line, &[("if-match", "\"1\"")], json!({"name": "Bea"})).await.ok();
    api.call(&line, &[("if-match", "\"1\"")], json!({"name": "Bea"})).await.problem("version-mismatch");
    let same = api.call(&line, &[("if-match", "\"2\"")], json!({"name": "Bea"})).await;
    assert_eq!(same.version(), 2);
}

#[tokio::test]
async fn a_tag_that_is_no_version_of_ours_is_malformed() {
    let api = Api::shared();
    for (line, body) in commands(&api).await {
        for wrong in [
            "*",
            "W/\"1\"",
            "\"1\", \"2\"",
            "1",
            "\"one\"",
            "\"\"",
            "\"-1\"",
            "\"1",
            "\"99999999999999999999\"",
        ] {
            let answer = api.call(&line, &[("if-match", wrong)], body.clone()).await;
            assert!(answer.problem("malformed-request")["detail"].as_str().unwrap().contains("If-Match"));
        }
        let twice = [("if-match", "\"1\""), ("if-match", "\"1\"")];
        api.call(&line, &twice, body).await.problem("malformed-request");
    }
}

#[tokio::test]
async fn what_is_made_has_no_version_to_rely_on() {
    let api = Api::shared();
    let (user, buyer) = (fresh_id(), api.user().await);
    let register = json!({"name": "Ann", "email": fresh_email(), "id": user});
    let order = fresh_id();
    let place = json!({"user_id": buyer["id"], "lines": [line("tea", 1, 1)], "id": order});
    for tag in ["\"0\"", "\"1\"", "\"18446744073709551615\""] {
        for (path, body) in [("/users", &register), ("/orders", &place)] {
            let answer = api.call(&format!("POST {path}"), &[("if-match", tag)], body.clone()).await;
            let problem = answer.problem("version-mismatch");
            let detail = problem["detail"].as_str().unwrap();
            assert!(!detail.contains("send If-Match"), "no tag will ever do: {detail}");
        }
    }
    for path in [format!("/users/{user}"), format!("/orders/{order}")] {
        api.get(&path).await.problem("not-found");
    }
    api.call("POST /users", &[("if-match", "*")], register.clone()).await.problem("malformed-request");
    api.post("/users", register).await.created();
}

#[tokio::test]
async fn the_field_version_acts_as_the_header() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let answer = api.put(&path, json!({"name": "Bea", "version": 1})).await;
    assert_eq!(answer.version(), 2);
    api.put(&path, json!({"name": "Eve", "version": 1})).await.problem("version-mismatch");
    let both = json!({"name": "Eve", "version": 2});
    let line = format!("PUT {path}");
    let answer = api.call(&line, &[("if-match", "\"1\"")], both.clone()).await;
    assert!(matches!(answer.status, 412 | 422), "they contradict each other: {answer}");
    api.call(&line, &[("if-match", "\"2\"")], both).await.ok();
    for wrong in [json!("3"), json!(3.5), json!(-3), json!(null)] {
        assert_eq!(api.put(&path, json!({"version": wrong})).await.wrong_fields(), ["/version"]);
    }
    let buyer = api.user().await;
    let order = Api::path(&api.order(&buyer, true).await);
    api.put(&order, json!({"ship_to": "x", "version": 5})).await.problem("version-mismatch");
    assert_eq!(api.put(&order, json!({"ship_to": "x", "version": 1})).await.version(), 2);
}

#[tokio::test]
async fn of_many_who_saw_one_version_one_is_first() {
    let api = Api::shared();
    let user = api.user().await;
    let line = format!("PUT {}", Api::path(&user));
    let calls = (0..8).map(|number| {
        let (api, line) = (api.clone(), line.clone());
        async move {
            let name = json!({"name": format!("Ann {number}")});
            api.call(&line, &[("if-match", "\"1\"")], name).await
        }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("version-mismatch");
    }
    assert_eq!(api.events(&user).await, 2);
}
