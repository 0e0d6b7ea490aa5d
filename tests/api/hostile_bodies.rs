//! Bodies that a parser, a number or a buffer could break on.

use serde_json::json;

use crate::client::{Answer, Api, fresh_email, fresh_id, fresh_sku};
use crate::wire::Wire;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const MOST: usize = 256 * 1024;

async fn post(api: &Api, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    api.send(&format!("POST {path}"), &JSON, body.into()).await
}

#[tokio::test]
async fn numbers_that_are_none_of_ours() {
    let api = Api::shared();
    let path = format!("/stock/{}/receipts", fresh_sku("n"));
    for number in [
        "\"5\"",
        "5.5",
        "5e-1",
        "-5",
        "-0.0",
        "-0",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "99999999999999999999999999999999999999",
        "1e308",
        "true",
        "[]",
        "{}",
        "null",
        "\"\"",
        "\"NaN\"",
    ] {
        let answer = post(&api, &path, format!("{{\"quantity\":{number}}}")).await;
        assert_eq!(answer.wrong_fields(), ["/quantity"], "{number}");
    }
    for (number, whole) in [("5.0", 5), ("1e3", 1005), ("1E0", 1006)] {
        let tea = path.replace("/receipts", "-whole/receipts");
        let answer = post(&api, &tea, format!("{{\"quantity\":{number}}}")).await;
        assert_eq!(answer.ok()["on_hand"], whole, "{number}");
    }
    for number in ["NaN", "Infinity", "0x10", "05", "+5", ".5", "5.", "1e999", "-", "1_000", "٣"] {
        post(&api, &path, format!("{{\"quantity\":{number}}}")).await.problem("malformed-request");
    }
    let digits = format!("{{\"quantity\":{}}}", "9".repeat(100_000));
    let answer = post(&api, &path, digits).await;
    assert!(matches!(answer.status, 400 | 422), "{answer}");
    api.get(path.strip_suffix("/receipts").unwrap()).await.problem("not-found");
}

#[tokio::test]
async fn what_is_json_but_no_object_is_invalid() {
    let api = Api::shared();
    for body in ["[]", "[{\"name\":\"Ann\"}]", "7", "\"x\"", "null", "true"] {
        let answer = post(&api, "/users", body).await;
        assert_eq!(answer.wrong_fields(), [""], "{body}");
    }
}

#[tokio::test]
async fn depth_is_refused_before_it_hurts() {
    let api = Api::shared();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        post(&api, "/users", deep.clone()).await.problem("malformed-request");
        let field = format!("{{\"name\":{deep},\"email\":\"a@b\"}}");
        post(&api, "/users", field).await.problem("malformed-request");
        post(&api, "/users", open.repeat(MOST / open.len())).await.problem("malformed-request");
    }
}

#[tokio::test]
async fn a_field_that_stands_twice_never_means_two_things() {
    let api = Api::shared();
    let (first, second) = (fresh_email(), fresh_email());
    let body = format!("{{\"name\":\"Ann\",\"email\":\"{first}\",\"email\":\"{second}\"}}");
    let answer = post(&api, "/users", body).await;
    if answer.status == 201 {
        assert_eq!(answer.json()["email"], second.as_str());
        assert_eq!(api.get(&format!("/users?email={first}")).await.ok(), json!([]));
        assert_eq!(api.get(&format!("/users?email={second}")).await.ok(), json!([answer.json()]));
    } else {
        assert!(matches!(answer.status, 400 | 422), "{answer}");
    }
}

#[tokio::test]
async fn text_that_is_no_text() {
    let api = Api::shared();
    for name in ["a\\u0000b", "\\u0007", "a\\u001bb", "a\\u0085b", "a\\nb"] {
        let body = format!("{{\"name\":\"{name}\",\"email\":\"{}\"}}", fresh_email());
        assert_eq!(post(&api, "/users", body).await.wrong_fields(), ["/name"], "{name}");
    }
    for name in ["\\ud800", "\\udc00x", "\\ud800\\ud800", "\\u12", "\\x41", "a\nb", "a\0b"] {
        let body = format!("{{\"name\":\"{name}\",\"email\":\"{}\"}}", fresh_email());
        post(&api, "/users", body).await.problem("malformed-request");
    }
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"] {
        let body = [b"{\"name\":\"", bytes, b"\",\"email\":\"a@b\"}"].concat();
        post(&api, "/users", body).await.problem("malformed-request");
    }
    let bom = [b"\xef\xbb\xbf".as_slice(), b"{\"name\":\"Ann\",\"email\":\"a@b\"}"].concat();
    post(&api, "/users", bom).await.problem("malformed-request");
    let utf16: Vec<u8> = "{\"name\":\"Ann\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    post(&api, "/users", utf16).await.problem("malformed-request");
}

#[tokio::test]
async fn text_of_all_the_world_comes_back_as_it_was() {
    let api = Api::shared();
    for name in [
        "Ann \u{1f375} é",
        "\u{202e}nnA",
        "Zoë\u{0308}",
        "'; DROP TABLE users; --",
        "<b>&\"\\",
        "${jndi:x}",
        "%s%n",
    ] {
        let body = json!({"name": name, "email": fresh_email()});
        let user = api.post("/users", body).await.created();
        assert_eq!(user["name"], name);
        let listed = api.get(&format!("/users?email={}", user["email"].as_str().unwrap())).await.ok();
        assert_eq!(listed, json!([user]));
    }
    let email = format!("Zoë+{}@exämple.com", fresh_id());
    let user = api.post("/users", json!({"name": "Zoë", "email": email})).await.created();
    assert_eq!(user["email"], email.as_str());
    let shouted = json!({"name": "Bob", "email": email.to_uppercase()});
    api.post("/users", shouted).await.problem("email-taken");
}

#[tokio::test]
async fn names_of_fields_are_quoted_safely() {
    let api = Api::shared();
    let field = "x".repeat(50_000);
    let answer = api.post("/users", json!({"name": "Ann", "email": fresh_email(), field: 1})).await;
    assert_eq!(answer.wrong_fields().len(), 1);
    assert!(answer.body.len() < 2_000, "an answer does not repeat all that was sent");
    for odd in ["", "~", "/", "\"", "\0", "é", "__proto__"] {
        let answer = api.post("/users", json!({"name": "Ann", "email": fresh_email(), odd: 1})).await;
        let pointer = format!("/{}", odd.replace('~', "~0").replace('/', "~1"));
        assert_eq!(answer.wrong_fields(), [pointer]);
    }
}

#[tokio::test]
async fn twenty_five_thousand_wrong_fields_are_all_told() {
    let api = Api::shared();
    let fields: Vec<_> = (0..25_000).map(|number| format!("\"{number:x}\":1")).collect();
    let body = format!("{{{}}}", fields.join(","));
    assert!(body.len() < MOST);
    let answer = post(&api, "/users", body).await;
    assert_eq!(answer.wrong_fields().len(), 25_002);
    assert!(answer.body.len() < 10 * MOST, "{} bytes", answer.body.len());
}

/// A user's registration, filled up to this length.
fn filled(length: usize) -> String {
    let body = json!({"name": "Ann", "email": fresh_email()}).to_string();
    format!("{body}{}", " ".repeat(length - body.len()))
}

#[tokio::test]
async fn a_body_may_have_256_kib_and_not_a_byte_more() {
    let api = Api::shared();
    post(&api, "/users", filled(MOST)).await.created();
    for length in [MOST + 1, 2 * MOST, 1024 * 1024] {
        let answer = post(&api, "/users", filled(length)).await;
        answer.problem("payload-too-large");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn who_sends_far_too_much_hears_so_and_is_let_go() {
    let api = Api::shared();
    for length in [MOST + 1, 1024 * 1024, 2 * 1024 * 1024, 8 * 1024 * 1024] {
        let mut wire = Wire::to(&api).await;
        wire.request("POST /users", "content-type: application/json\r\n", filled(length)).await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer to {length} bytes"));
        answer.problem("payload-too-large");
        assert!(wire.closes().await);
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_held_to_the_same() {
    let api = Api::shared();
    let chunked = async |body: &str, size: usize| {
        let head = "POST /users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut bytes = head.as_bytes().to_vec();
        for chunk in body.as_bytes().chunks(size) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let mut wire = Wire::to(&api).await;
        wire.send(bytes).await;
        wire.answer().await.unwrap()
    };
    chunked(&filled(100), 1).await.created();
    chunked(&filled(MOST), 1_000).await.created();
    chunked(&filled(MOST + 1), 1_000).await.problem("payload-too-large");
    chunked(&filled(2 * 1024 * 1024), 16_384).await.problem("payload-too-large");
}

#[tokio::test]
async fn too_much_where_nothing_takes_a_body_breaks_nothing() {
    let api = Api::shared();
    for line in ["GET /users", "POST /nothing", "PATCH /users", "POST /users/x/credit-limit"] {
        let mut wire = Wire::to(&api).await;
        wire.request(line, "", vec![b'x'; 2 * 1024 * 1024]).await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("no answer: {line}"));
        assert!(answer.status < 500, "{line}: {answer}");
    }
    api.get("/readyz").await.ok();
}
