//! What operators, and people who look around, find.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Api, PROBLEMS, fresh_id, fresh_sku};
use crate::harness::Program;

fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap()
}

#[tokio::test]
async fn it_says_that_it_lives_and_that_it_can_serve() {
    let api = Api::shared();
    assert_eq!(api.get("/livez").await.status, 200);
    assert_eq!(api.get("/readyz").await.ok(), json!({"ready": true, "reasons": []}));
}

#[tokio::test]
async fn the_page_to_try_it_comes_from_the_program_itself() {
    let api = Api::shared();
    let answer = api.get("/docs").await;
    assert_eq!(answer.status, 200, "itself, and no redirect");
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    let page = text(answer.body);
    let named: Vec<_> = page
        .split(['"', '\''])
        .filter(|word| [".js", ".css", ".png"].iter().any(|end| word.ends_with(end)))
        .collect();
    assert!(named.len() >= 3, "{page}");
    for file in named {
        let path = file.strip_prefix("./").map_or(file.to_owned(), |file| format!("/{file}"));
        assert!(
            path.starts_with('/') && !path.starts_with("//"),
            "nothing is fetched from elsewhere: {file}"
        );
        let file = api.get(&path).await;
        assert_eq!(file.status, 200, "{path}");
        if path.ends_with("initializer.js") {
            let script = text(file.body);
            assert!(script.contains("/openapi.json") && !script.contains("https://"), "{script}");
            assert!(script.contains("\"validatorUrl\": \"none\""), "nobody else is asked: {script}");
        }
    }
    api.get("/docs/nothing.js").await.problem("not-found");
}

#[tokio::test]
async fn the_api_describes_itself() {
    let api = Api::shared();
    let document = api.get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in [
        ("/users", "get post"),
        ("/users/{id}", "get put delete"),
        ("/users/{id}/credit-limit", "put"),
        ("/users/{id}/events", "get"),
        ("/orders", "get post"),
        ("/orders/{id}", "get put delete"),
        ("/orders/{id}/place", "post"),
        ("/orders/{id}/ship", "post"),
        ("/orders/{id}/complete", "post"),
        ("/orders/{id}/cancel", "post"),
        ("/orders/{id}/events", "get"),
        ("/stock", "get"),
        ("/stock/{sku}", "get"),
        ("/stock/{sku}/receipts", "post"),
        ("/livez", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    ] {
        for method in methods.split(' ') {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_metrics_tell_what_was_done() {
    let api = Api::shared();
    let user = api.user().await;
    api.put(&Api::path(&user), json!({})).await.ok();
    api.post("/users", json!({"name": "Bob", "email": user["email"]})).await.problem("email-taken");
    api.get("/users").await.ok();
    let sku = fresh_sku("x");
    let path = format!("/stock/{sku}/receipts");
    futures_util::future::join_all((0..16).map(|_| api.post(&path, json!({"quantity": 1})))).await;
    let answer = api.get("/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    let metrics = text(answer.body);
    for name in [
        "jetsource_commands_total{category=\"user\",outcome=\"changed\"}",
        "jetsource_commands_total{category=\"user\",outcome=\"nothing\"}",
        "jetsource_commands_total{category=\"user\",outcome=\"rejected\"}",
        "jetsource_append_seconds",
        "jetsource_append_conflicts_total",
        "jetsource_view_position{view=\"users\"}",
        "jetsource_view_position{view=\"orders\"}",
        "jetsource_view_position{view=\"stock\"}",
        "jetsource_view_lag_seconds",
        "jetsource_broker_connected 1",
        "jetsource_http_request_duration_seconds",
    ] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

/// How often an entity was found in memory, and how often it was not.
async fn remembered(api: &Api) -> [u64; 2] {
    let metrics = text(api.get("/metrics").await.body);
    ["hit", "miss"].map(|outcome| {
        let name = format!("jetsource_state_cache_lookups_total{{outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    })
}

#[tokio::test]
async fn the_metrics_tell_a_hot_entity_from_a_cold_one() {
    // One of its own: others would be counted too.
    let api = Api::of(Arc::new(Program::start()));
    let path = format!("/stock/{}/receipts", fresh_sku("cold"));
    let [hits, misses] = remembered(&api).await;
    api.post(&path, json!({"quantity": 1})).await.ok();
    assert_eq!(remembered(&api).await, [hits, misses + 1], "nobody had asked for it");
    api.post(&path, json!({"quantity": 1})).await.ok();
    assert_eq!(remembered(&api).await, [hits + 1, misses + 1], "it was decided just now");
}

#[tokio::test]
async fn callers_cannot_make_metrics_without_end() {
    let api = Api::shared();
    for number in 0..5 {
        api.call(&format!("EVIL{number} /users"), &[], Value::Null).await.problem("method-not-allowed");
        api.get(&format!("/evil{number}")).await.problem("not-found");
        api.get(&format!("/users/{}", fresh_id())).await.problem("not-found");
    }
    let metrics = text(api.get("/metrics").await.body);
    assert!(!metrics.contains("EVIL") && !metrics.contains("evil"), "callers name no time series");
}

#[tokio::test]
async fn each_problem_has_a_page_in_words() {
    let api = Api::shared();
    for (slug, status) in PROBLEMS {
        let answer = api.get(&format!("/problems/{slug}")).await;
        assert_eq!(answer.status, 200, "{slug}");
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        let page = text(answer.body);
        assert!(page.contains(slug) && page.contains(&status.to_string()) && page.len() > 150, "{page}");
    }
    api.get("/problems/nothing").await.problem("not-found");
}

#[tokio::test]
async fn every_answer_has_an_id_and_mine_comes_back() {
    let api = Api::shared();
    let long = "x".repeat(128);
    for own in ["my-request-7", "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10", &long] {
        for line in
            ["GET /users", "GET /nothing", "PATCH /users", "GET /livez", "GET /orders/x", "HEAD /docs"]
        {
            let answer = api.call(line, &[("x-request-id", own)], Value::Null).await;
            assert_eq!(answer.header("x-request-id"), Some(own), "{line}");
        }
    }
    for unfit in ["", "a b", &format!("{long}x")] {
        let answer = api.call("GET /livez", &[("x-request-id", unfit)], Value::Null).await;
        let given = answer.header("x-request-id").unwrap();
        assert!(uuid::Uuid::parse_str(given).is_ok(), "{given}");
    }
    let answers = [api.get("/livez").await, api.get("/livez").await];
    assert_ne!(answers[0].header("x-request-id"), answers[1].header("x-request-id"));
}

#[tokio::test]
async fn head_works_where_get_does() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    api.order(&user, true).await;
    let sku = fresh_sku("x");
    api.post(&format!("/stock/{sku}/receipts"), json!({"quantity": 1})).await.ok();
    for path in [
        Api::path(&user),
        format!("{}/events", Api::path(&user)),
        Api::path(&order),
        format!("{}/events", Api::path(&order)),
        format!("/orders?user_id={}&limit=1", user["id"].as_str().unwrap()),
        format!("/users?email={}", user["email"].as_str().unwrap()),
        "/stock?limit=1".into(),
        format!("/stock/{sku}"),
        "/livez".into(),
        "/readyz".into(),
        "/openapi.json".into(),
        "/docs".into(),
        "/problems/conflict".into(),
        "/nothing".into(),
        "/users/x".into(),
    ] {
        let (get, head) = (api.get(&path).await, api.call(&format!("HEAD {path}"), &[], Value::Null).await);
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty());
        for name in ["content-type", "etag", "link"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    assert_eq!(api.call("HEAD /metrics", &[], Value::Null).await.status, 200);
}
