//! Who looks after sagas, over HTTP and on the command line.

use async_nats::jetstream;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{stderr, stdout};
use crate::shop::Shop;

const NOBODY: &str = "0190b5c6-7d2e-7a31-8c55-0f5d1f6f9a10";

#[tokio::test]
async fn sagas_are_listed_by_state_and_shown_with_what_they_did() {
    let shop = Shop::open(&["--checkout-participants", "payment"]).await;
    let order = shop.orders(2, 1250).await;
    let saga = shop.checkout_is(&order, |saga| saga["waits_for"] == json!(["payment"])).await;
    assert_eq!(
        (&saga["name"], &saga["state"], &saga["id"]),
        (&json!("checkout"), &json!("running"), &json!(order))
    );
    let events = saga["events"].as_array().unwrap();
    assert_eq!(events[0]["type"], "checkout-started");
    let sends = events[0]["sends"].as_array().unwrap();
    assert_eq!(sends.len(), 4, "{sends:?}");
    assert_eq!(sends[0], format!("reserve-credit to user/{}", shop.user));
    let cause = &shop.get(&format!("/orders/{order}/events")).await[0]["id"];
    assert_eq!(&events[0]["causation_id"], cause);

    shop.until("the list has it", || async {
        shop.get("/sagas?state=running").await[0]["waits_for"] == json!(["payment"])
    })
    .await;
    assert_eq!(shop.get("/sagas?state=done").await, json!([]));
    assert_eq!(shop.get("/sagas?state=stuck").await, json!([]));
    assert_eq!(shop.get("/sagas?name=departure").await, json!([]));
    assert_eq!(shop.get("/sagas?name=checkout").await.as_array().unwrap().len(), 1);
    for (path, status) in [
        ("/sagas?state=lost", 400),
        ("/sagas?name=order", 400),
        ("/sagas/checkout/7", 400),
        (&format!("/sagas/checkout/{NOBODY}"), 404),
        (&format!("/sagas/departure/{NOBODY}"), 404),
    ] {
        assert_eq!(shop.asks(Method::GET, path, &Value::Null).await.0, status, "{path}");
    }

    let listed = stdout(&shop.program.call(&["sagas", "list", "--state", "running"]));
    assert!(listed.contains(&order) && listed.contains("waits for payment"), "{listed}");
    let shown = stdout(&shop.program.call(&["sagas", "show", &order]));
    assert!(shown.contains("checkout-step-held") && shown.contains("sends authorise to payment/"), "{shown}");
    let json = stdout(&shop.program.call(&["sagas", "show", &order, "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["id"], json!(order));
    let output = shop.program.call(&["sagas", "show", NOBODY]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let output = shop.program.call(&["sagas", "show", "seven"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[tokio::test]
async fn one_is_given_up_and_gives_back() {
    let shop = Shop::open(&["--checkout-participants", "payment", "--checkout-deadline", "1h"]).await;
    let order = shop.orders(2, 100).await;
    shop.checkout_is(&order, |saga| saga["waits_for"] == json!(["payment"])).await;
    let output = shop.program.call(&["sagas", "retry", &order]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("it is not stuck"));
    let output = shop.program.call(&["sagas", "abandon", &order, "--reason", "they are out of business"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rejected = shop.settled(&order).await;
    assert_eq!(rejected["reason"], "deadline: given up by hand: they are out of business");
    assert_eq!(shop.held().await, (0, 0, 10));
    shop.checkout_is(&order, |saga| saga["state"] == "done").await;
    let (status, problem) = shop
        .asks(Method::POST, &format!("/sagas/checkout/{order}/abandon"), &json!({"reason": "again"}))
        .await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")), "{problem}");
    let (status, _) =
        shop.asks(Method::POST, &format!("/sagas/checkout/{NOBODY}/abandon"), &json!({"reason": "x"})).await;
    assert_eq!(status, 404);
    let (status, _) = shop.asks(Method::POST, &format!("/sagas/checkout/{order}/abandon"), &json!({})).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn what_sagas_do_is_measured() {
    let shop = Shop::open(&[]).await;
    assert_eq!(shop.settled(&shop.orders(1, 1).await).await["status"], "confirmed");
    let url = format!("{}/metrics", shop.program.http());
    let shown = || async { reqwest::get(&url).await.unwrap().text().await.unwrap() };
    shop.until("all are there", || async {
        let shown = shown().await;
        [
            "jetsource_saga_leads{saga=\"checkout\"} 1",
            "jetsource_saga_position{saga=\"checkout\"}",
            "jetsource_saga_steps_total{saga=\"checkout\",step=\"learn\"}",
            "jetsource_saga_steps_total{saga=\"checkout\",step=\"send\"}",
            "jetsource_sagas_running{saga=\"checkout\"} 0",
            "jetsource_sagas_stuck{saga=\"checkout\"} 0",
            "jetsource_saga_oldest_running_seconds{saga=\"departure\"} 0",
        ]
        .iter()
        .all(|line| shown.contains(line))
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_that_is_not_on_the_log_is_told() {
    let mut shop = Shop::open(&[]).await;
    let order = shop.orders(1, 1).await;
    shop.checkout_is(&order, |saga| saga["state"] == "done").await;
    // The last note is left when it ends.
    shop.program.terminate();
    shop.program.restart_with(&["--role", "api"]);
    let found = verified(&shop);
    assert_eq!(found["problems"]["count"], 0, "{found}");
    let readers = found["readers"].as_array().unwrap();
    let reader = readers.iter().find(|reader| reader["name"] == "saga checkout").unwrap();
    assert_eq!(reader["position"], found["head"], "{found}");
    let of_checkout = |category: &&Value| category["category"] == "checkout";
    let categories = found["categories"].as_array().unwrap();
    assert!(categories.iter().find(of_checkout).unwrap()["events"].as_u64().unwrap() > 2, "{found}");

    let context = jetstream::new(async_nats::connect(shop.program.nats()).await.unwrap());
    let bucket = context.get_key_value("jetsource").await.unwrap();
    let record = bucket.get("lease.saga-checkout").await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["note"]["position"] = json!(1_000_000);
    bucket.put("lease.saga-checkout", record.to_string().into()).await.unwrap();
    let found = verified(&shop);
    assert_eq!(found["problems"]["count"], 1, "{found}");
    let problem = found["problems"]["first"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("saga checkout") && problem.contains("the log ends at"), "{problem}");
}

/// What `log verify` finds; its code says whether that is a problem.
fn verified(shop: &Shop) -> Value {
    let output = shop.program.call(&["log", "verify", "--json"]);
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let code = if found["problems"]["count"] == 0 { 0 } else { 6 };
    assert_eq!(output.status.code(), Some(code), "{found}{}", stderr(&output));
    found
}
