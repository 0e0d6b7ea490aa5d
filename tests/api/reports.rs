//! What is sold, what users have open, and what happened.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Answer, Api, line};
use crate::harness::Program;
use crate::log::Log;

/// A shop of its own, so that what it sold is all there is. Nobody confirms its orders but the test.
fn shop() -> Api {
    Api::of(Arc::new(Program::start()))
}

/// A list or a report once it shows this position.
async fn at(api: &Api, position: u64, path: &str) -> Answer {
    let position = position.to_string();
    api.call(&format!("GET {path}"), &[("jetsource-position", &position), ("prefer", "wait=30")], Value::Null)
        .await
}

/// Places an order and confirms it, as the checkout does.
async fn sell(api: &Api, user: &Value, lines: &Value) -> (Value, u64) {
    let body = json!({"user_id": user["id"], "lines": lines});
    let order = api.post("/orders", body).await.created();
    let confirmed = json!({"user_id": user["id"], "lines": lines});
    let id = order["id"].as_str().unwrap();
    let position = Log::of(api).await.append(("order", id), "order-confirmed", 2, &confirmed).await;
    (order, position)
}

#[tokio::test]
async fn sales_are_summed_by_day_and_by_article() {
    let api = shop();
    let nothing = json!({"by": "day", "totals": {"orders": 0, "units": 0, "revenue": 0}, "rows": []});
    assert_eq!(api.get("/reports/sales").await.ok(), nothing);
    let user = api.user().await;
    sell(&api, &user, &json!([line("tea", 2, 450), line("cup", 1, 999), line("tea", 1, 400)])).await;
    let (order, position) = sell(&api, &user, &json!([line("pot", 1, 5_000), line("cup", 2, 999)])).await;
    api.order(&user, false).await;

    let answer = at(&api, position, "/reports/sales?by=article").await;
    assert!(answer.position() >= position);
    assert_eq!(
        answer.ok(),
        json!({"by": "article", "totals": {"units": 7, "revenue": 9_297}, "rows": [
            {"sku": "pot", "units": 1, "revenue": 5_000},
            {"sku": "cup", "units": 3, "revenue": 2_997},
            {"sku": "tea", "units": 3, "revenue": 1_300},
        ]})
    );
    let events = api.get(&format!("{}/events", Api::path(&order))).await.ok();
    let day = &events[1]["time"].as_str().unwrap()[..10];
    let path = format!("/reports/sales?by=day&from={day}&to={day}");
    let by_day = api.get(&path).await.ok();
    assert_eq!(
        by_day,
        json!({
            "by": "day", "from": day, "to": day,
            "totals": {"orders": 2, "units": 7, "revenue": 9_297},
            "rows": [{"day": day, "orders": 2, "units": 7, "revenue": 9_297}],
        })
    );
    for elsewhere in ["to=2001-01-01", "from=2999-12-31", "from=2001-01-01&to=2001-12-31"] {
        for by in ["day", "article"] {
            let report = api.get(&format!("/reports/sales?by={by}&{elsewhere}")).await.ok();
            assert_eq!(
                (&report["rows"], &report["totals"]["revenue"]),
                (&json!([]), &json!(0)),
                "{elsewhere}"
            );
        }
    }

    // Page by page it is the same, and each page has the totals of all.
    let (mut rows, mut next) = (Vec::new(), Some("/reports/sales?by=article&limit=1".to_owned()));
    while let Some(path) = next {
        let page = api.get(&path).await;
        let report = page.ok();
        assert_eq!(report["totals"], answer.ok()["totals"]);
        rows.extend(report["rows"].as_array().unwrap().clone());
        next = page.next();
    }
    assert_eq!(json!(rows), answer.ok()["rows"]);

    // What is cancelled is taken back.
    let cancelled = api.post(&format!("{}/cancel", Api::path(&order)), Value::Null).await;
    let report = at(&api, cancelled.position(), "/reports/sales?by=article").await.ok();
    assert_eq!(report["totals"], json!({"units": 4, "revenue": 2_299}));
    assert_eq!(report["rows"][2], json!({"sku": "pot", "units": 0, "revenue": 0}));
}

#[tokio::test]
async fn a_report_that_cannot_be_is_refused() {
    let api = Api::shared();
    for wrong in [
        "by=month",
        "by=",
        "from=yesterday",
        "from=2026-02-30",
        "to=2026-01-31T00:00:00Z",
        "from=2026-02-01&to=2026-01-31",
        "after=zz",
        "limit=0",
        "form=2026-01-01",
    ] {
        let problem = api.get(&format!("/reports/sales?{wrong}")).await.problem("malformed-request");
        let name = wrong.split('=').next().unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(name), "{wrong}: {problem}");
    }
    // The place in a list is none in a report, and that by day none by article.
    let next = api.get("/users?limit=1").await.next();
    if let Some(after) = next.as_deref().and_then(|next| next.split("after=").nth(1)) {
        api.get(&format!("/reports/sales?by=article&after={after}")).await.problem("malformed-request");
    }
    let behind = [("jetsource-position", "999999999"), ("prefer", "wait=0")];
    for path in ["/reports/sales?by=day", "/reports/sales?by=article", "/reports/customers", "/activity"] {
        api.call(&format!("GET {path}"), &behind, Value::Null).await.problem("projection-behind");
    }
}

#[tokio::test]
async fn customers_show_what_is_open_and_what_was_spent() {
    let api = shop();
    let (ann, ben) = (api.user().await, api.user().await);
    let order = api.order(&ann, false).await;
    api.order(&ann, true).await;
    api.delete(&Api::path(&order)).await.ok();
    let captured = json!({"order_id": order["id"], "amount": 750, "reserved": 0});
    let id = ann["id"].as_str().unwrap();
    let position = Log::of(&api).await.append(("user", id), "credit-captured", 2, &captured).await;

    let of_ann = json!({
        "user_id": ann["id"], "status": "active", "name": "Ann", "open_orders": 1, "spent": 750, "version": 2,
    });
    let of_ben = json!({
        "user_id": ben["id"], "status": "active", "name": "Ann", "open_orders": 0, "spent": 0, "version": 1,
    });
    let list = async |query: &str| at(&api, position, &format!("/reports/customers?{query}")).await.ok();
    let mut all = vec![of_ann.clone(), of_ben.clone()];
    all.sort_by_key(|row| row["user_id"].as_str().unwrap().to_owned());
    assert_eq!(list("").await, json!(all));
    assert_eq!(list("open=true").await, json!([of_ann]));
    assert_eq!(list("open=false&status=active").await, json!([of_ben]));
    let gone = api.delete(&Api::path(&ben)).await.position();
    let of_ben =
        json!({"user_id": ben["id"], "status": "deleted", "open_orders": 0, "spent": 0, "version": 2});
    assert_eq!(at(&api, gone, "/reports/customers?status=deleted").await.ok(), json!([of_ben]));
    for wrong in ["status=happy", "open=perhaps", "name=Ann"] {
        api.get(&format!("/reports/customers?{wrong}")).await.problem("malformed-request");
    }
}

#[tokio::test]
async fn what_happened_is_read_newest_first() {
    let api = shop();
    let ann = api.user().await;
    let order = api.order(&ann, false).await;
    api.put(&Api::path(&order), json!({"ship_to": "1 Main St"})).await.ok();
    api.post("/stock/tea/receipts", json!({"quantity": 4})).await.ok();
    let gone = json!({"reason": "ordered twice"});
    let last = api.post(&format!("{}/cancel", Api::path(&order)), gone).await.position();

    let all = at(&api, last, "/activity").await.ok();
    let what = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        what(&all),
        [
            "an order was cancelled: ordered twice",
            "4 of tea came in, 4 are there",
            "an order was placed: 3 units for 750",
            "a user registered",
        ]
    );
    assert_eq!((&all[0]["position"], &all[0]["id"]), (&json!(last), &order["id"]));
    let event = api.get(&format!("{}/events", Api::path(&order))).await.ok()[0].clone();
    assert_eq!((&all[2]["event_id"], &all[2]["time"]), (&event["id"], &event["time"]));
    let of_user = api.get(&format!("/activity?user_id={}", ann["id"].as_str().unwrap())).await.ok();
    assert_eq!(what(&of_user).len(), 3);
    assert_eq!(what(&api.get("/activity?category=stock").await.ok()), ["4 of tea came in, 4 are there"]);
    let first = api.get("/activity?limit=3").await;
    let second = api.get(&first.next().unwrap()).await;
    assert_eq!((what(&second.ok()), second.next()), (vec!["a user registered".to_owned()], None));
}
