//! Each kind of problem, provoked; `unavailable` needs a broker that is away and is tested where one is.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Api, fresh_email, fresh_id, line};
use crate::harness::Program;
use crate::log::Log;
use crate::wire::Wire;

/// A caller must understand from `detail` what to do: these words are in it.
#[track_caller]
fn says(problem: &Value, instance: &str, words: &[&str]) {
    assert_eq!(problem["instance"], instance, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{word:?} is missing: {detail}");
    }
}

#[tokio::test]
async fn malformed_request() {
    let api = Api::shared();
    let json = [("content-type", "application/json")];
    for body in ["{", "{\"name\":}", "name=Ann", "", "{} {}", "'x'"] {
        let answer = api.send("POST /users", &json, body.into()).await;
        says(&answer.problem("malformed-request"), "/users", &["JSON"]);
    }
    says(&api.get("/users/7").await.problem("malformed-request"), "/users/7", &["UUID"]);
    says(&api.get("/orders/x/events").await.problem("malformed-request"), "/orders/x/events", &["UUID"]);
    says(&api.get("/users?limit=x").await.problem("malformed-request"), "/users", &["limit"]);
    let answer = api.call("GET /users", &[("jetsource-position", "x")], Value::Null).await;
    says(&answer.problem("malformed-request"), "/users", &["Jetsource-Position"]);
}

#[tokio::test]
async fn not_found() {
    let api = Api::shared();
    for path in
        ["/", "/nothing", "/users/", "/user", "/Users", "//users", "/users/x/y", "/stock/x/receipts/1"]
    {
        says(&api.get(path).await.problem("not-found"), path, &["/docs"]);
    }
    let path = format!("/orders/{}", fresh_id());
    says(&api.get(&path).await.problem("not-found"), &path, &[]);
    api.post("/nothing", json!({"a": 1})).await.problem("not-found");
}

#[tokio::test]
async fn method_not_allowed() {
    let api = Api::shared();
    let id = fresh_id();
    for (line, allowed) in [
        ("DELETE /users".into(), "GET,HEAD,POST"),
        (format!("POST /users/{id}"), "DELETE,GET,HEAD,PUT"),
        (format!("PATCH /users/{id}"), "DELETE,GET,HEAD,PUT"),
        (format!("GET /users/{id}/credit-limit"), "PUT"),
        (format!("DELETE /users/{id}/events"), "GET,HEAD"),
        ("PUT /orders".into(), "GET,HEAD,POST"),
        (format!("OPTIONS /orders/{id}"), "DELETE,GET,HEAD,PUT"),
        (format!("GET /orders/{id}/place"), "POST"),
        (format!("PUT /orders/{id}/cancel"), "POST"),
        ("POST /stock".into(), "GET,HEAD"),
        ("DELETE /stock/x".into(), "GET,HEAD"),
        ("GET /stock/x/receipts".into(), "POST"),
        ("POST /metrics".into(), "GET,HEAD"),
        ("POST /docs".into(), "GET,HEAD"),
        ("BREW /users".into(), "GET,HEAD,POST"),
    ] {
        let answer = api.call(&line, &[], Value::Null).await;
        says(&answer.problem("method-not-allowed"), line.split_once(' ').unwrap().1, &["Allow"]);
        let mut names: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        names.sort_unstable();
        assert_eq!(names.join(","), allowed, "{line}");
    }
}

#[tokio::test]
async fn conflict() {
    let api = Api::shared();
    let user = api.user().await;
    let body = json!({"name": "Ann", "email": fresh_email(), "id": user["id"]});
    says(&api.post("/users", body).await.problem("conflict"), "/users", &["id"]);
}

#[tokio::test]
async fn email_taken() {
    let api = Api::shared();
    let user = api.user().await;
    let answer = api.post("/users", json!({"name": "Ann", "email": user["email"]})).await;
    says(&answer.problem("email-taken"), "/users", &["e-mail"]);
    let path = Api::path(&api.user().await);
    says(&api.put(&path, json!({"email": user["email"]})).await.problem("email-taken"), &path, &["e-mail"]);
}

#[tokio::test]
async fn order_state() {
    let api = Api::shared();
    let user = api.user().await;
    let path = format!("{}/ship", Api::path(&api.order(&user, true).await));
    says(&api.post(&path, json!(null)).await.problem("order-state"), &path, &["draft", "shipped"]);
}

#[tokio::test]
async fn version_mismatch() {
    let api = Api::shared();
    let path = Api::path(&api.user().await);
    let answer = api.call(&format!("DELETE {path}"), &[("if-match", "\"4\"")], Value::Null).await;
    says(&answer.problem("version-mismatch"), &path, &["version 1", "If-Match: \"1\""]);
}

#[tokio::test]
async fn payload_too_large() {
    let api = Api::shared();
    let json = [("content-type", "application/json")];
    let answer = api.send("POST /users", &json, vec![b' '; 256 * 1024 + 1]).await;
    says(&answer.problem("payload-too-large"), "/users", &["262144"]);
}

#[tokio::test]
async fn unsupported_media_type() {
    let api = Api::shared();
    let body = json!({"name": "Ann", "email": fresh_email()}).to_string();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/jsonp"),
        ("content-type", "application/merge-patch+json"),
        ("content-type", "application/json; charset=iso-8859-1"),
        ("content-type", "application/json;charset=\"utf-16\""),
        ("content-type", ""),
        ("x-content-type", "application/json"),
    ] {
        let answer = api.send("POST /users", &[(name, value)], body.clone().into()).await;
        let problem = answer.problem("unsupported-media-type");
        says(&problem, "/users", &["Content-Type: application/json"]);
    }
    for coding in ["gzip", "br", "identity, gzip", "deflate"] {
        let headers = [("content-type", "application/json"), ("content-encoding", coding)];
        let answer = api.send("POST /users", &headers, body.clone().into()).await;
        answer.problem("unsupported-media-type");
    }
    for fine in
        ["Application/JSON", "application/json; charset=UTF-8", "application/json;charset=\"utf-8\"; a=b"]
    {
        let body = json!({"name": "Ann", "email": fresh_email()}).to_string();
        let headers = [("content-type", fine), ("content-encoding", "identity")];
        api.send("POST /users", &headers, body.into()).await.created();
    }
}

#[tokio::test]
async fn invalid_request() {
    let api = Api::shared();
    let problem = api.post("/users", json!({"name": 7, "mail": "x"})).await.problem("invalid-request");
    says(&problem, "/users", &["/name", "/email", "/mail"]);
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 3);
    assert!(errors.iter().all(|error| error.as_object().unwrap().len() == 2));
}

#[tokio::test]
async fn unknown_user() {
    let api = Api::shared();
    let body = json!({"user_id": fresh_id(), "lines": [line("tea", 1, 1)]});
    says(&api.post("/orders", body).await.problem("unknown-user"), "/orders", &["user"]);
}

#[tokio::test]
async fn idempotency_key_reused() {
    let api = Api::shared();
    let (user, key) = (api.user().await, fresh_id());
    let line = format!("PUT {}", Api::path(&user));
    let key = [("idempotency-key", key.as_str())];
    api.call(&line, &key, json!({"name": "Bea"})).await.ok();
    let answer = api.call(&line, &key, json!({"name": "Eve"})).await;
    says(&answer.problem("idempotency-key-reused"), &Api::path(&user), &["Idempotency-Key"]);
}

#[tokio::test]
async fn projection_behind() {
    let api = Api::shared();
    let headers = [("jetsource-position", "4000000000"), ("prefer", "wait=0")];
    let answer = api.call("GET /orders", &headers, Value::Null).await;
    says(&answer.problem("projection-behind"), "/orders", &["4000000000", "orders"]);
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}

/// A newer program has written an event that this one does not know: it cannot say how the order is.
#[tokio::test]
async fn internal() {
    let api = Api::of(Arc::new(Program::start()));
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let id = order["id"].as_str().unwrap();
    let data = json!({"user_id": user["id"], "paper": "classified"});
    let position = Log::of(&api).await.append(("order", id), "order-gift-wrapped", 2, &data).await;

    let path = Api::path(&order);
    for line in [format!("GET {path}"), format!("POST {path}/cancel"), format!("DELETE {path}")] {
        let answer = api.call(&line, &[("x-request-id", "wrapped-7")], Value::Null).await;
        let problem = answer.problem("internal");
        assert_eq!(problem["instance"], line.split(' ').nth(1).unwrap());
        assert_eq!(problem["trace_id"], "wrapped-7");
        let said = answer.to_string();
        for inside in ["gift", "classified", "event type", "nats", ".rs"] {
            assert!(!said.contains(inside), "{inside}: {said}");
        }
    }
    let told = api.program.stderr();
    assert!(
        told.contains("wrapped-7") && told.contains("order-gift-wrapped"),
        "the cause is in the log: {told}"
    );

    let events = api.get(&format!("{path}/events")).await.ok();
    assert_eq!(events[1]["type"], "order-gift-wrapped", "what is stored can be read all the same");
    let position = [("jetsource-position", position.to_string())];
    let position = [(position[0].0, position[0].1.as_str())];
    let listed = api.call("GET /orders", &position, Value::Null).await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 1, "and no view is stopped by it");
    api.order(&user, false).await;
    api.get("/readyz").await.ok();
}

#[tokio::test]
async fn a_problem_names_its_path_as_it_was_sent() {
    let api = Api::shared();
    let mut wire = Wire::to(&api).await;
    wire.request("GET /users/%C3%A9%3Cb%3E?token=secret", "", "").await;
    let problem = wire.answer().await.unwrap().problem("malformed-request");
    assert_eq!(problem["instance"], "/users/%C3%A9%3Cb%3E", "without its query");
}
