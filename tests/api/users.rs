//! Users: registered, changed, gone.

use serde_json::json;

use crate::client::{Api, fresh_email, fresh_id};

#[tokio::test]
async fn i_register_and_am_told_where_i_am() {
    let api = Api::shared();
    let email = fresh_email();
    let answer = api.post("/users", json!({"name": " Ann Lee ", "email": format!(" {email} ")})).await;
    let user = answer.created();
    let id = user["id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    let expected = json!({"id": id, "name": "Ann Lee", "email": email, "status": "active",
        "credit": {"limit": 100_000, "reserved": 0, "available": 100_000}, "version": 1});
    assert_eq!(user, expected);
    assert_eq!(answer.header("location"), Some(format!("/users/{id}").as_str()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.version(), 1);
    assert!(answer.position() > 0);
    assert!(answer.header("idempotency-replayed").is_none());
    let read = api.get(answer.header("location").unwrap()).await;
    assert_eq!((read.ok(), read.version()), (user, 1));
}

#[tokio::test]
async fn i_bring_my_own_id_and_limit() {
    let api = Api::shared();
    let id = fresh_id();
    for limit in [0_u64, 1_000_000_000_000_000] {
        let id = fresh_id();
        let body = json!({"name": "Ann", "email": fresh_email(), "credit_limit": limit, "id": id});
        let user = api.post("/users", body).await.created();
        assert_eq!((&user["id"], &user["credit"]["limit"]), (&json!(id), &json!(limit)));
    }
    let body = json!({"name": "Ann", "email": fresh_email(), "id": id.to_uppercase()});
    assert_eq!(api.post("/users", body).await.created()["id"], id);
    let again = json!({"name": "Bob", "email": fresh_email(), "id": id});
    api.post("/users", again).await.problem("conflict");
    assert_eq!(api.get(&format!("/users/{id}")).await.ok()["name"], "Ann");
}

#[tokio::test]
async fn an_address_belongs_to_one_of_us() {
    let api = Api::shared();
    let email = fresh_email();
    api.post("/users", json!({"name": "Ann", "email": email})).await.created();
    for same in [email.clone(), email.to_uppercase(), format!("  {email}\t")] {
        let problem = api.post("/users", json!({"name": "Bob", "email": same})).await.problem("email-taken");
        assert_eq!(problem["instance"], "/users");
    }
    let bob = api.user().await;
    api.put(&Api::path(&bob), json!({"email": email.to_uppercase()})).await.problem("email-taken");
    assert_eq!(api.get(&Api::path(&bob)).await.ok(), bob);
}

#[tokio::test]
async fn of_sixteen_who_want_one_address_one_gets_it() {
    let api = Api::shared();
    let email = fresh_email();
    let calls = (0..16).map(|_| api.post("/users", json!({"name": "Ann", "email": email})));
    let answers = futures_util::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.problem("email-taken");
    }
}

#[tokio::test]
async fn of_eight_who_want_one_id_one_gets_it() {
    let api = Api::shared();
    let id = fresh_id();
    let calls = (0..8).map(|_| api.post("/users", json!({"name": "Ann", "email": fresh_email(), "id": id})));
    let answers = futures_util::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.problem("conflict");
    }
    assert_eq!(api.events(&made[0].json()).await, 1);
}

#[tokio::test]
async fn i_change_what_i_send_and_the_rest_stays() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let renamed = api.put(&path, json!({"name": "Ann Lee"})).await;
    assert_eq!(renamed.ok()["name"], "Ann Lee");
    assert_eq!(renamed.ok()["email"], user["email"]);
    assert_eq!((renamed.version(), &renamed.ok()["version"]), (2, &json!(2)));
    let email = fresh_email();
    let moved = api.put(&path, json!({"email": email})).await.ok();
    assert_eq!((&moved["name"], &moved["email"]), (&json!("Ann Lee"), &json!(email)));
    let both = api.put(&path, json!({"name": "Ann", "email": user["email"]})).await.ok();
    assert_eq!(both["version"], 4);
    assert_eq!(api.get(&path).await.ok(), both);
}

#[tokio::test]
async fn an_address_that_i_leave_is_free_and_one_written_otherwise_is_still_mine() {
    let api = Api::shared();
    let user = api.user().await;
    let old = user["email"].as_str().unwrap();
    let shouted = api.put(&Api::path(&user), json!({"email": old.to_uppercase()})).await.ok();
    assert_eq!((&shouted["email"], &shouted["version"]), (&json!(old.to_uppercase()), &json!(2)));
    api.post("/users", json!({"name": "Bob", "email": old})).await.problem("email-taken");
    api.put(&Api::path(&user), json!({"email": fresh_email()})).await.ok();
    api.post("/users", json!({"name": "Bob", "email": old})).await.created();
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_event() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let position = api.put(&path, json!({"name": "Bea"})).await.position();
    let padded = format!(" {} ", user["email"].as_str().unwrap());
    for same in [json!({}), json!({"name": "Bea"}), json!({"name": " Bea ", "email": padded})] {
        let answer = api.put(&path, same).await;
        assert_eq!((answer.ok()["version"].clone(), answer.version()), (json!(2), 2));
        assert_eq!(answer.position(), position);
    }
    assert_eq!(api.events(&user).await, 2);
}

#[tokio::test]
async fn i_send_back_what_i_read() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    assert_eq!(api.put(&path, user.clone()).await.ok(), user);
    let mut changed = user.clone();
    changed["name"] = json!("Bea");
    assert_eq!(api.put(&path, changed).await.ok()["version"], 2);
    let mut stale = user.clone();
    stale["name"] = json!("Eve");
    api.put(&path, stale).await.problem("version-mismatch");
}

#[tokio::test]
async fn what_only_reading_gives_names_the_call_that_changes_it() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let credit = json!({"limit": 5, "reserved": 0, "available": 5});
    for (field, value, call) in [
        ("credit", credit, "PUT /users/{id}/credit-limit"),
        ("status", json!("deleted"), "DELETE /users/{id}"),
        ("id", json!(fresh_id()), "cannot be changed"),
    ] {
        let mut changed = user.clone();
        changed["name"] = json!("Bea");
        changed[field] = value;
        let answer = api.put(&path, changed).await;
        assert_eq!(answer.wrong_fields(), [format!("/{field}")]);
        assert!(answer.json()["detail"].as_str().unwrap().contains(call), "{answer}");
    }
    assert_eq!(api.get(&path).await.ok(), user);
    let all = json!({"id": 1, "status": "gone", "credit": null});
    assert_eq!(api.put(&path, all).await.wrong_fields().len(), 3);
}

#[tokio::test]
async fn wrong_fields_are_all_told_at_once() {
    let api = Api::shared();
    let body = json!({"name": " ", "email": "ann", "credit_limit": -1, "id": "7", "age": 3, "a/b~c": 1});
    let mut wrong = api.post("/users", body).await.wrong_fields();
    wrong.sort();
    assert_eq!(wrong, ["/age", "/a~1b~0c", "/credit_limit", "/email", "/id", "/name"]);
    assert_eq!(api.post("/users", json!({})).await.wrong_fields(), ["/name", "/email"]);
    let user = api.user().await;
    let body = json!({"name": "", "email": "@", "limit": 3});
    assert_eq!(api.put(&Api::path(&user), body).await.wrong_fields(), ["/name", "/email", "/limit"]);
}

#[tokio::test]
async fn names_and_addresses_have_bounds() {
    let api = Api::shared();
    let post =
        async |name: String, email: String| api.post("/users", json!({"name": name, "email": email})).await;
    post("é".repeat(200), fresh_email()).await.created();
    assert_eq!(post("é".repeat(201), fresh_email()).await.wrong_fields(), ["/name"]);
    let host = fresh_email();
    let longest = format!("{}{host}", "a".repeat(254 - host.len()));
    post("Ann".into(), longest.clone()).await.created();
    assert_eq!(post("Ann".into(), format!("b{longest}")).await.wrong_fields(), ["/email"]);
    for wrong in ["", "ann", "a@b@c", "@b", "a@", "a b@c"] {
        assert_eq!(post("Ann".into(), wrong.into()).await.wrong_fields(), ["/email"], "{wrong}");
    }
}

#[tokio::test]
async fn gone_is_gone_everywhere_but_in_the_events() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let gone = api.delete(&path).await;
    assert_eq!(gone.ok(), json!({"message": "User deleted"}));
    assert_eq!(gone.version(), 2);
    assert!(gone.position() > 0);

    for line in [format!("GET {path}"), format!("DELETE {path}"), format!("HEAD {path}")] {
        let answer = api.call(&line, &[], json!(null)).await;
        assert_eq!(answer.status, 404, "{line}: {answer}");
    }
    api.put(&path, json!({"name": "Bea"})).await.problem("not-found");
    api.put(&path, json!({})).await.problem("not-found");
    api.put(&path, user.clone()).await.problem("not-found");
    api.put(&format!("{path}/credit-limit"), json!({"amount": 1})).await.problem("not-found");
    for tag in ["\"2\"", "\"1\"", "\"18446744073709551615\""] {
        let answer = api.call(&format!("DELETE {path}"), &[("if-match", tag)], json!(null)).await;
        answer.problem("not-found");
    }
    let events = api.get(&format!("{path}/events")).await.ok();
    assert_eq!(events.as_array().unwrap().len(), 2);
    assert_eq!(events[1]["type"], "user-deleted");
}

#[tokio::test]
async fn the_id_of_who_is_gone_is_never_free_and_the_address_is() {
    let api = Api::shared();
    let user = api.user().await;
    api.delete(&Api::path(&user)).await.ok();
    let body = json!({"name": "Ann", "email": user["email"], "id": user["id"]});
    api.post("/users", body).await.problem("conflict");
    let successor = api.post("/users", json!({"name": "Bob", "email": user["email"]})).await.created();
    assert_ne!(successor["id"], user["id"]);
    let listed = api.get(&format!("/users?email={}", user["email"].as_str().unwrap())).await.ok();
    assert_eq!(listed, json!([successor]));
}

#[tokio::test]
async fn who_never_was_is_not_found() {
    let api = Api::shared();
    let path = format!("/users/{}", fresh_id());
    let problem = api.get(&path).await.problem("not-found");
    assert_eq!(problem["instance"], path);
    api.put(&path, json!({"name": "Ann"})).await.problem("not-found");
    api.delete(&path).await.problem("not-found");
    api.put(&format!("{path}/credit-limit"), json!({"amount": 1})).await.problem("not-found");
    api.get(&format!("{path}/events")).await.problem("not-found");
}
