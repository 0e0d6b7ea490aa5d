//! Orders: drafted, placed, changed; what they hold and cost.

use serde_json::{Value, json};

use crate::client::{Api, fresh_id, line};
use crate::log::Log;

#[tokio::test]
async fn i_place_an_order_and_am_told_what_it_costs() {
    let api = Api::shared();
    let user = api.user().await;
    let lines = json!([line("tea", 3, 250), line("cup.blue", 1, 0), line("tea", 2, 200)]);
    let body = json!({"user_id": user["id"], "lines": lines, "ship_to": " 1 Main St "});
    let answer = api.post("/orders", body).await;
    let order = answer.created();
    let id = order["id"].as_str().unwrap();
    let expected = json!({"id": id, "user_id": user["id"], "status": "placed", "lines": lines, "total": 1150,
        "ship_to": "1 Main St", "version": 1});
    assert_eq!(order, expected);
    assert_eq!(answer.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(answer.version(), 1);
    assert!(answer.position() > 0);
    let read = api.get(&Api::path(&order)).await;
    assert_eq!((read.ok(), read.version()), (order, 1));
}

#[tokio::test]
async fn i_bring_my_own_id() {
    let api = Api::shared();
    let user = api.user().await;
    let id = fresh_id();
    let body = json!({"user_id": user["id"], "lines": [line("tea", 1, 1)], "id": id, "draft": true});
    assert_eq!(api.post("/orders", body.clone()).await.created()["id"], id);
    api.post("/orders", body).await.problem("conflict");
    api.delete(&format!("/orders/{id}")).await.ok();
    let other = json!({"user_id": user["id"], "lines": [line("cup", 1, 1)], "id": id});
    api.post("/orders", other).await.problem("conflict");
}

#[tokio::test]
async fn a_draft_may_be_empty_and_is_placed_once_it_is_not() {
    let api = Api::shared();
    let user = api.user().await;
    for empty in [
        json!({"user_id": user["id"], "draft": true}),
        json!({"user_id": user["id"], "draft": true, "lines": []}),
    ] {
        let draft = api.post("/orders", empty).await.created();
        assert_eq!(
            (&draft["status"], &draft["lines"], &draft["total"]),
            (&json!("draft"), &json!([]), &json!(0))
        );
        let path = Api::path(&draft);
        api.post(&format!("{path}/place"), json!(null)).await.problem("order-state");
        let filled = api.put(&path, json!({"lines": [line("tea", 2, 5)]})).await.ok();
        assert_eq!((&filled["total"], &filled["version"]), (&json!(10), &json!(2)));
        let placed = api.post(&format!("{path}/place"), json!(null)).await;
        assert_eq!((placed.ok()["status"].clone(), placed.version()), (json!("placed"), 3));
        assert!(placed.header("location").is_none());
    }
}

#[tokio::test]
async fn an_order_for_good_needs_a_line() {
    let api = Api::shared();
    let user = api.user().await;
    for body in [
        json!({"user_id": user["id"]}),
        json!({"user_id": user["id"], "lines": []}),
        json!({"user_id": user["id"], "lines": [], "draft": false}),
    ] {
        assert_eq!(api.post("/orders", body).await.wrong_fields(), ["/lines"]);
    }
}

#[tokio::test]
async fn an_order_for_nobody_is_refused() {
    let api = Api::shared();
    let gone = api.user().await;
    let draft = api.order(&gone, true).await;
    api.delete(&Api::path(&gone)).await.ok();
    for user in [json!(fresh_id()), gone["id"].clone()] {
        for draft in [false, true] {
            let body = json!({"user_id": user, "lines": [line("tea", 1, 1)], "draft": draft});
            let problem = api.post("/orders", body).await.problem("unknown-user");
            assert_eq!(problem["errors"][0]["pointer"], "/user_id");
        }
    }
    api.post(&format!("{}/place", Api::path(&draft)), json!(null)).await.problem("unknown-user");
    assert_eq!(api.get(&Api::path(&draft)).await.ok()["status"], "draft");
}

#[tokio::test]
async fn lines_have_bounds() {
    let api = Api::shared();
    let user = api.user().await;
    let post = async |lines: Value| api.post("/orders", json!({"user_id": user["id"], "lines": lines})).await;
    let most = vec![line("tea", 1, 1); 500];
    assert_eq!(post(json!(most)).await.created()["total"], 500);
    assert_eq!(post(json!(vec![line("tea", 1, 1); 501])).await.wrong_fields(), ["/lines"]);

    let dearest = line(&"x".repeat(64), 1_000_000, 1_000_000_000);
    assert_eq!(post(json!([dearest])).await.created()["total"], 1_000_000_000_000_000_u64);
    assert_eq!(post(json!([dearest, line("tea", 1, 1)])).await.wrong_fields(), ["/lines"]);
    assert_eq!(post(json!(vec![dearest; 500])).await.wrong_fields(), ["/lines"]);
    post(json!([line("tea", 1, 0)])).await.created();

    for (wrong, pointer) in [
        (line("", 1, 1), "sku"),
        (line(&"x".repeat(65), 1, 1), "sku"),
        (line("a b", 1, 1), "sku"),
        (line("a/b", 1, 1), "sku"),
        (line("*", 1, 1), "sku"),
        (line("thé", 1, 1), "sku"),
        (line("tea", 0, 1), "quantity"),
        (line("tea", 1_000_001, 1), "quantity"),
        (line("tea", 1, 1_000_000_001), "unit_price"),
        (json!({"sku": "tea", "quantity": 1, "unit_price": -1}), "unit_price"),
        (json!({"sku": "tea", "quantity": 1, "unit_price": 1, "price": 1}), "price"),
        (json!({"sku": 7, "quantity": 1, "unit_price": 1}), "sku"),
    ] {
        let answer = post(json!([line("tea", 1, 1), wrong])).await;
        assert_eq!(answer.wrong_fields(), [format!("/lines/1/{pointer}")], "{wrong}");
    }
    let all = post(json!([{}, 7, line("", 0, 1)])).await.wrong_fields();
    let expected = [
        "/lines/0/sku",
        "/lines/0/quantity",
        "/lines/0/unit_price",
        "/lines/1",
        "/lines/2/sku",
        "/lines/2/quantity",
    ];
    assert_eq!(all, expected);
    for wrong in [json!({}), json!("tea"), json!(null)] {
        assert_eq!(post(wrong).await.wrong_fields(), ["/lines"]);
    }
}

#[tokio::test]
async fn wrong_fields_are_all_told_at_once() {
    let api = Api::shared();
    let body = json!({"user_id": "me", "lines": 1, "draft": "yes", "ship_to": "", "id": 3, "total": 5});
    let mut wrong = api.post("/orders", body).await.wrong_fields();
    wrong.sort();
    assert_eq!(wrong, ["/draft", "/id", "/lines", "/ship_to", "/total", "/user_id"]);
    assert_eq!(api.post("/orders", json!({"draft": true})).await.wrong_fields(), ["/user_id"]);
}

#[tokio::test]
async fn where_it_goes_has_bounds() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    assert!(order.get("ship_to").is_none());
    let path = Api::path(&order);
    for (ship_to, wrong) in
        [("é".repeat(500), false), ("é".repeat(501), true), (" ".into(), true), ("x".into(), false)]
    {
        let answer = api.put(&path, json!({"ship_to": ship_to})).await;
        if wrong {
            assert_eq!(answer.wrong_fields(), ["/ship_to"]);
        } else {
            assert_eq!(answer.ok()["ship_to"], ship_to);
        }
    }
}

#[tokio::test]
async fn lines_change_in_a_draft_and_no_later() {
    let api = Api::shared();
    let user = api.user().await;
    let draft = api.order(&user, true).await;
    let path = Api::path(&draft);
    let lines = json!([line("cup", 1, 700)]);
    let changed = api.put(&path, json!({"lines": lines, "ship_to": "1 Main St"})).await.ok();
    assert_eq!((&changed["lines"], &changed["total"]), (&lines, &json!(700)));
    assert_eq!(changed["ship_to"], "1 Main St");
    let emptied = api.put(&path, json!({"lines": []})).await.ok();
    assert_eq!((&emptied["total"], &emptied["ship_to"]), (&json!(0), &json!("1 Main St")));
    api.put(&path, json!({"lines": lines})).await.ok();
    let placed = api.post(&format!("{path}/place"), json!(null)).await.ok();
    assert_eq!(placed["ship_to"], "1 Main St");

    let same = api.put(&path, json!({"lines": lines})).await.ok();
    assert_eq!(same["version"], placed["version"]);
    api.put(&path, json!({"lines": [line("cup", 2, 700)]})).await.problem("order-state");
    let halfway = json!({"lines": [line("cup", 2, 700)], "ship_to": "2 Main St"});
    api.put(&path, halfway).await.problem("order-state");
    assert_eq!(api.get(&path).await.ok(), placed, "all of a change, or nothing");
}

#[tokio::test]
async fn where_it_goes_changes_until_it_is_shipped() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let path = Api::path(&order);
    api.put(&path, json!({"ship_to": "1 Main St"})).await.ok();
    let again = api.put(&path, json!({"ship_to": " 1 Main St"})).await.ok();
    assert_eq!(again["version"], 2);
    Log::of(&api).await.confirm(&again).await;
    assert_eq!(api.put(&path, json!({"ship_to": "2 Main St"})).await.ok()["version"], 4);
    let shipped = api.post(&format!("{path}/ship"), json!(null)).await.ok();
    assert_eq!((&shipped["status"], &shipped["ship_to"]), (&json!("shipped"), &json!("2 Main St")));
    api.put(&path, json!({"ship_to": "3 Main St"})).await.problem("order-state");
    assert_eq!(api.put(&path, json!({"ship_to": "2 Main St"})).await.ok(), shipped);
}

#[tokio::test]
async fn i_send_back_what_i_read() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let path = Api::path(&order);
    assert_eq!(api.put(&path, order.clone()).await.ok(), order);
    let mut moved = order.clone();
    moved["ship_to"] = json!("1 Main St");
    let moved = api.put(&path, moved).await.ok();
    assert_eq!(moved["version"], 2);
    api.put(&path, order).await.problem("version-mismatch");
    let cancelled = api.post(&format!("{path}/cancel"), json!({"reason": "too slow"})).await.ok();
    assert_eq!(api.put(&path, cancelled.clone()).await.ok(), cancelled);
}

#[tokio::test]
async fn what_only_reading_gives_names_the_call_that_changes_it() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    let path = Api::path(&order);
    for (field, value, call) in [
        ("status", json!("placed"), "POST /orders/{id}/place"),
        ("total", json!(1), "lines"),
        ("reason", json!("why not"), "POST /orders/{id}/cancel"),
        ("user_id", json!(fresh_id()), "cannot be changed"),
        ("id", json!(fresh_id()), "cannot be changed"),
    ] {
        let mut changed = order.clone();
        changed["ship_to"] = json!("1 Main St");
        changed[field] = value;
        let answer = api.put(&path, changed).await;
        assert_eq!(answer.wrong_fields(), [format!("/{field}")]);
        assert!(answer.json()["detail"].as_str().unwrap().contains(call), "{answer}");
    }
    assert_eq!(api.put(&path, json!({"draft": false})).await.wrong_fields(), ["/draft"]);
    assert_eq!(api.get(&path).await.ok(), order);
}

#[tokio::test]
async fn an_order_that_never_was_is_not_found() {
    let api = Api::shared();
    let path = format!("/orders/{}", fresh_id());
    api.get(&path).await.problem("not-found");
    api.get(&format!("{path}/events")).await.problem("not-found");
    api.put(&path, json!({"ship_to": "x"})).await.problem("not-found");
    api.delete(&path).await.problem("not-found");
    for step in ["place", "ship", "complete", "cancel"] {
        let line = format!("POST {path}/{step}");
        api.call(&line, &[], json!(null)).await.problem("not-found");
        for tag in ["\"1\"", "\"18446744073709551615\""] {
            api.call(&line, &[("if-match", tag)], json!(null)).await.problem("not-found");
        }
    }
}
