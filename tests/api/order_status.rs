//! The ways of an order: each step that is possible, each that is not.

use serde_json::{Value, json};

use crate::client::{Answer, Api};
use crate::log::Log;

/// An order in this status, by the calls and events that lead there.
async fn order_in(api: &Api, status: &str) -> Value {
    let user = api.user().await;
    let order = api.order(&user, status == "draft").await;
    let log = Log::of(api).await;
    match status {
        "draft" | "placed" => {}
        "cancelled" => {
            step(api, &order, "cancel").await.ok();
        }
        "rejected" => {
            let data = json!({"user_id": user["id"], "reason": "credit: 900 needed, 800 available"});
            log.append(("order", order["id"].as_str().unwrap()), "order-rejected", 2, &data).await;
        }
        "confirmed" | "shipped" | "completed" => {
            log.confirm(&order).await;
            if status != "confirmed" {
                step(api, &order, "ship").await.ok();
            }
            if status == "completed" {
                step(api, &order, "complete").await.ok();
            }
        }
        other => panic!("{other}"),
    }
    let order = api.get(&Api::path(&order)).await.ok();
    assert_eq!(order["status"], status);
    order
}

async fn step(api: &Api, order: &Value, step: &str) -> Answer {
    api.post(&format!("{}/{step}", Api::path(order)), Value::Null).await
}

/// What each step makes of an order in this status: `None` where it is refused.
async fn steps_from(status: &str, outcomes: [(&str, Option<&str>); 4]) {
    let api = Api::shared();
    for (name, outcome) in outcomes {
        let order = order_in(&api, status).await;
        let before = api.events(&order).await;
        let answer = step(&api, &order, name).await;
        let Some(outcome) = outcome else {
            let problem = answer.problem("order-state");
            assert!(problem["detail"].as_str().unwrap().contains(status), "{name}: {problem}");
            assert_eq!(api.get(&Api::path(&order)).await.ok(), order, "{name} from {status}");
            continue;
        };
        let now = answer.ok();
        assert_eq!(now["status"], outcome, "{name} from {status}");
        let changes = usize::from(outcome != status);
        assert_eq!(api.events(&order).await, before + changes, "{name} from {status}");
        assert_eq!(answer.version(), order["version"].as_u64().unwrap() + changes as u64);
        assert_eq!(now["version"], answer.version());
        assert_eq!(api.get(&Api::path(&order)).await.ok(), now);
    }
}

#[tokio::test]
async fn a_draft_is_placed_or_cancelled() {
    let outcomes =
        [("place", Some("placed")), ("ship", None), ("complete", None), ("cancel", Some("cancelled"))];
    steps_from("draft", outcomes).await;
}

#[tokio::test]
async fn a_placed_order_waits_or_is_cancelled() {
    let outcomes =
        [("place", Some("placed")), ("ship", None), ("complete", None), ("cancel", Some("cancelled"))];
    steps_from("placed", outcomes).await;
}

#[tokio::test]
async fn a_confirmed_order_is_shipped_or_cancelled() {
    let outcomes = [
        ("place", Some("confirmed")),
        ("ship", Some("shipped")),
        ("complete", None),
        ("cancel", Some("cancelled")),
    ];
    steps_from("confirmed", outcomes).await;
}

#[tokio::test]
async fn a_shipped_order_can_only_arrive() {
    let outcomes =
        [("place", None), ("ship", Some("shipped")), ("complete", Some("completed")), ("cancel", None)];
    steps_from("shipped", outcomes).await;
}

#[tokio::test]
async fn a_completed_order_stays_so() {
    let outcomes = [("place", None), ("ship", None), ("complete", Some("completed")), ("cancel", None)];
    steps_from("completed", outcomes).await;
}

#[tokio::test]
async fn a_cancelled_order_stays_so() {
    let outcomes = [("place", None), ("ship", None), ("complete", None), ("cancel", Some("cancelled"))];
    steps_from("cancelled", outcomes).await;
}

#[tokio::test]
async fn a_rejected_order_stays_so_and_says_why() {
    steps_from("rejected", [("place", None), ("ship", None), ("complete", None), ("cancel", None)]).await;
    let api = Api::shared();
    let order = order_in(&api, "rejected").await;
    assert_eq!(order["reason"], "credit: 900 needed, 800 available");
    api.delete(&Api::path(&order)).await.problem("order-state");
    api.put(&Api::path(&order), json!({"lines": []})).await.problem("order-state");
}

#[tokio::test]
async fn i_cancel_and_may_say_why() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let path = format!("{}/cancel", Api::path(&order));
    let cancelled = api.post(&path, json!({"reason": " too slow "})).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["reason"]), (&json!("cancelled"), &json!("too slow")));
    let again = api.post(&path, json!({"reason": "too dear"})).await.ok();
    assert_eq!(again, cancelled, "what it already is changes nothing");

    for body in [json!(null), json!({})] {
        let order = api.order(&user, false).await;
        let cancelled = api.post(&format!("{}/cancel", Api::path(&order)), body).await.ok();
        assert!(cancelled.get("reason").is_none());
    }
    let order = api.order(&user, false).await;
    let path = format!("{}/cancel", Api::path(&order));
    for wrong in [json!({"reason": ""}), json!({"reason": "é".repeat(501)}), json!({"reason": 7})] {
        assert_eq!(api.post(&path, wrong).await.wrong_fields(), ["/reason"]);
    }
    assert_eq!(api.post(&path, json!({"why": "x"})).await.wrong_fields(), ["/why"]);
    api.post(&path, json!({"reason": "é".repeat(500)})).await.ok();
}

#[tokio::test]
async fn deleting_cancels_and_it_stays_readable() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, false).await;
    let path = Api::path(&order);
    let deleted = api.delete(&path).await;
    assert_eq!(deleted.ok(), json!({"message": "Order cancelled"}));
    assert_eq!(deleted.version(), 2);
    assert_eq!(api.get(&path).await.ok()["status"], "cancelled");
    let again = api.delete(&path).await;
    assert_eq!((again.ok(), again.version(), again.position()), (deleted.ok(), 2, deleted.position()));
    assert_eq!(api.events(&order).await, 2);
    for status in ["shipped", "completed"] {
        let order = order_in(&api, status).await;
        api.delete(&Api::path(&order)).await.problem("order-state");
    }
}

#[tokio::test]
async fn steps_take_no_fields() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    for name in ["place", "ship", "complete"] {
        let path = format!("{}/{name}", Api::path(&order));
        assert_eq!(api.post(&path, json!({"now": true})).await.wrong_fields(), ["/now"]);
    }
    let path = format!("{}/place", Api::path(&order));
    assert_eq!(api.post(&path, json!({})).await.ok()["status"], "placed");
}

#[tokio::test]
async fn fifty_changes_at_once_are_all_there() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    let path = Api::path(&order);
    let calls = (0..50).map(|number| {
        let (api, path) = (api.clone(), path.clone());
        async move { api.put(&path, json!({"ship_to": format!("{number} Main St")})).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count() as u64;
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem("conflict");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(api.get(&path).await.version(), done + 1, "no change is lost");
}
