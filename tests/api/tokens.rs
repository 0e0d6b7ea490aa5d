//! Who may call.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Api, fresh_email};
use crate::harness::{Program, call, stderr};
use crate::log::Log;

#[tokio::test]
async fn with_tokens_only_who_carries_one_is_let_in() {
    let folder = tempfile::Builder::new().prefix("jetsource-test-").tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, "# who may call\nshop s3cret\n\n  the-till\tt0ken \n").unwrap();
    let program = Program::start_in(folder, &["--token-file", file.to_str().unwrap()]);
    let api = Api::of(Arc::new(program));

    for open in ["/livez", "/readyz"] {
        assert_eq!(api.get(open).await.status, 200, "{open}");
    }
    let user = json!({"name": "Ann", "email": fresh_email()});
    for line in [
        "GET /users",
        "POST /users",
        "GET /stock/x",
        "GET /metrics",
        "GET /openapi.json",
        "GET /docs",
        "GET /nothing",
        "GET /problems/unauthorized",
        "PATCH /users",
        "DELETE /orders/x",
        "GET /livez/",
        "GET //livez",
    ] {
        let answer = api.call(line, &[], Value::Null).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{line}");
        answer.problem("unauthorized");
    }
    for wrong in
        ["Bearer", "Bearer ", "Bearer S3CRET", "Basic s3cret", "s3cret", "Bearer s3cret t0ken", "Bearer shop"]
    {
        let answer = api.call("POST /users", &[("authorization", wrong)], user.clone()).await;
        answer.problem("unauthorized");
    }
    let log = Log::of(&api).await;
    for (scheme, name, token) in [("Bearer", "shop", "s3cret"), ("bearer", "the-till", "t0ken")] {
        let carried = format!("{scheme} {token}");
        let carried = [("authorization", carried.as_str())];
        let made = api.call("POST /users", &carried, json!({"name": "Ann", "email": fresh_email()})).await;
        let made = made.created();
        let headers = log.last_headers("user", made["id"].as_str().unwrap()).await;
        assert_eq!(headers.get("ce-actor").unwrap().as_str(), name);
        let line = format!("GET {}", Api::path(&made));
        assert_eq!(api.call(&line, &carried, Value::Null).await.ok(), made);
        assert_eq!(api.call("GET /metrics", &carried, Value::Null).await.status, 200);
        let nothing = api.call("GET /nothing", &carried, Value::Null).await;
        nothing.problem("not-found");
    }
    let listed = api.call("GET /users", &[("authorization", "Bearer s3cret")], Value::Null).await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 2, "who was not let in did nothing");
}

#[test]
fn a_token_file_that_cannot_work_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let data = folder.path().join("data");
    for (text, says) in [
        ("shop s3cret\nonlyone\n", "line 2"),
        ("shop s3cret more\n", "line 1"),
        ("", "no token"),
        ("\n# shop s3cret\n", "no token"),
    ] {
        fs::write(&file, text).unwrap();
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--nats-port",
            "0",
            "--data-dir",
            data,
            "--token-file",
            file,
        ];
        let output = call(&arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--token-file") && said.contains(says), "{said}");
        assert!(!said.contains("s3cret") && said.lines().count() == 1, "{said}");
    }
    fs::write(&file, [b's', b' ', 0xff]).unwrap();
    let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
    let output = call(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--token-file", file]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
