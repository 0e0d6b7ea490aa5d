//! Ids that would be something else to a broker, a file system or a database.

use serde_json::{Value, json};

use crate::client::{Answer, Api, fresh_email, fresh_id, line};
use crate::wire::Wire;

/// What a path may hold where an id stands, as it goes over the wire.
fn hostile() -> Vec<String> {
    let id = fresh_id();
    let mut ids: Vec<String> = [
        ".",
        "..",
        "*",
        ">",
        "%3E",
        "%2A",
        "a.b",
        "a.*",
        "events.>",
        "%20",
        "%20%20",
        "a%20b",
        "%00",
        "a%00b",
        "%0D%0A",
        "%0D%0AX-Evil:%201",
        "%FF",
        "%C3%28",
        "%ED%A0%80",
        "%F0%9F%8D%B5",
        "%2F",
        "%2e%2e%2f%2e%2e",
        "..%5C..",
        "%",
        "%2",
        "%zz",
        "'%20OR%201=1--",
        "$JS.API.STREAM.DELETE",
        "_INBOX",
        "-1",
        "0",
        "null",
        "~",
        "{}",
        "%7Bid%7D",
        "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000000",
        "\u{7f}",
    ]
    .map(String::from)
    .to_vec();
    ids.push("x".repeat(10_000));
    ids.push(format!("%00{}", "%41".repeat(3_000)));
    ids.extend([
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        id.replace('-', ""),
        format!("{id}."),
        format!("{id}%20"),
    ]);
    ids.extend([format!("%20{id}"), format!("{id}%00"), id.replacen('-', "%20", 1), format!("{id}%0A")]);
    ids
}

async fn ask(api: &Api, line: &str, body: &str) -> Answer {
    let mut wire = Wire::to(api).await;
    wire.request(line, "content-type: application/json\r\n", body).await;
    wire.answer().await.unwrap_or_else(|| panic!("no answer: {line}"))
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_malformed_on_every_route() {
    let api = Api::shared();
    for id in hostile() {
        for (line, body) in [
            (format!("GET /users/{id}"), ""),
            (format!("PUT /users/{id}"), "{\"name\":\"Ann\"}"),
            (format!("DELETE /orders/{id}"), ""),
            (format!("POST /orders/{id}/place"), ""),
            (format!("GET /orders/{id}/events"), ""),
        ] {
            let answer = ask(&api, &line, body).await;
            if answer.headers.contains_key("x-request-id") {
                answer.problem("malformed-request");
                assert!(answer.header("x-evil").is_none());
            } else {
                // Not even HTTP: a byte that no path may hold.
                assert_eq!(answer.status, 400, "{line}: {answer}");
            }
        }
    }
    api.get("/readyz").await.ok();
}

#[tokio::test]
async fn a_sku_that_is_none_is_malformed_and_one_of_dots_is_a_sku() {
    let api = Api::shared();
    let fits = |id: &str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    for sku in hostile().into_iter().filter(|sku| !fits(sku)) {
        for (line, body) in
            [(format!("GET /stock/{sku}"), ""), (format!("POST /stock/{sku}/receipts"), "{\"quantity\":1}")]
        {
            let answer = ask(&api, &line, body).await;
            assert_eq!(answer.status, 400, "{line}: {answer}");
        }
    }
    for sku in [".", "..", "a.b", "...a", "-", "_", "a..b", "COM1", "events.stock"] {
        let before = ask(&api, &format!("GET /stock/{sku}"), "").await;
        let before = if before.status == 404 { 0 } else { before.ok()["on_hand"].as_u64().unwrap() };
        let path = format!("/stock/{sku}/receipts");
        let article = ask(&api, &format!("POST {path}"), "{\"quantity\":2}").await.ok();
        assert_eq!((&article["sku"], &article["on_hand"]), (&json!(sku), &json!(before + 2)));
        assert_eq!(ask(&api, &format!("GET /stock/{sku}"), "").await.ok(), article);
    }
    let user = api.user().await;
    let lines = json!([line("..", 1, 1), line("a.b", 1, 1)]);
    let order = api.post("/orders", json!({"user_id": user["id"], "lines": lines})).await.created();
    assert_eq!(order["lines"], lines);
}

#[tokio::test]
async fn an_id_in_a_body_is_held_to_the_same_form() {
    let api = Api::shared();
    let user = api.user().await;
    let id = fresh_id();
    for wrong in [
        json!("."),
        json!("*"),
        json!(">"),
        json!(" "),
        json!("\0"),
        json!("x".repeat(10_000)),
        json!(""),
        json!(7),
        json!(null),
        json!([id]),
        json!({"id": id}),
        json!(format!("{{{id}}}")),
        json!(format!("urn:uuid:{id}")),
        json!(id.replace('-', "")),
        json!(format!("{id}\n")),
        json!(format!(" {id}")),
        json!("é".repeat(18)),
    ] {
        let body = json!({"name": "Ann", "email": fresh_email(), "id": wrong});
        assert_eq!(api.post("/users", body).await.wrong_fields(), ["/id"], "{wrong}");
        let lines = json!([line("tea", 1, 1)]);
        let body = json!({"user_id": wrong, "lines": lines});
        assert_eq!(api.post("/orders", body).await.wrong_fields(), ["/user_id"], "{wrong}");
        let body = json!({"user_id": user["id"], "lines": lines, "id": wrong});
        assert_eq!(api.post("/orders", body).await.wrong_fields(), ["/id"], "{wrong}");
    }
}

#[tokio::test]
async fn an_id_in_capitals_is_the_same_id() {
    let api = Api::shared();
    let user = api.user().await;
    let loud = Api::path(&user).replace("/users/", "");
    let path = format!("/users/{}", loud.to_uppercase());
    assert_eq!(api.get(&path).await.ok(), user);
    let renamed = api.put(&path, json!({"name": "Bea"})).await.ok();
    assert_eq!((&renamed["id"], &renamed["version"]), (&user["id"], &json!(2)));
    assert_eq!(api.get(&Api::path(&user)).await.ok(), renamed);
    let body = json!({"user_id": loud.to_uppercase(), "lines": [line("tea", 1, 1)]});
    let order = api.post("/orders", body).await.created();
    assert_eq!(order["user_id"], user["id"]);
    let listed = api.get(&format!("/orders?user_id={}", loud.to_uppercase())).await.ok();
    assert_eq!(listed, json!([order]));
    let mut same = renamed.clone();
    same["id"] = json!(loud.to_uppercase());
    let answer = api.put(&path, same).await;
    assert!(matches!(answer.status, 200 | 422), "{answer}");
}

#[tokio::test]
async fn other_paths_with_names_in_them_are_no_door_either() {
    let api = Api::shared();
    for path in ["/problems", "/docs"] {
        for name in [
            "%FF",
            "%00",
            "..%2f..%2fetc%2fpasswd",
            "..",
            "%2e%2e",
            "*",
            "%3E",
            "%C3%28",
            &"x".repeat(10_000),
        ] {
            let answer = ask(&api, &format!("GET {path}/{name}"), "").await;
            let slug = if answer.status == 400 { "malformed-request" } else { "not-found" };
            answer.problem(slug);
        }
    }
}

#[tokio::test]
async fn a_query_is_no_door_either() {
    let api = Api::shared();
    for value in hostile() {
        // What ends a query or splits it is not the value's.
        for list in [
            "/users?after",
            "/orders?after",
            "/stock?limit",
            "/orders?user_id",
            "/users?email",
            "/orders?status",
        ] {
            let answer = ask(&api, &format!("GET {list}={value}"), "").await;
            if answer.headers.contains_key("x-request-id") {
                answer.problem("malformed-request");
            } else {
                assert_eq!(answer.status, 400, "{list}={value}: {answer}");
            }
        }
    }
    let parameters: Vec<_> = (0..2_000).map(|number| format!("p{number}=1")).collect();
    ask(&api, &format!("GET /users?{}", parameters.join("&")), "").await.problem("malformed-request");
    api.call("GET /users?limit=%F0%9F%8D%B5", &[], Value::Null).await.problem("malformed-request");
}
