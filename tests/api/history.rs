//! The events of one thing, from the log.

use serde_json::{Value, json};

use crate::client::{Api, fresh_id};
use crate::log::Log;

#[tokio::test]
async fn i_read_what_happened_to_a_user() {
    let api = Api::shared();
    let user = api.user().await;
    let path = Api::path(&user);
    let renamed = api.put(&path, json!({"name": "Bea"})).await;
    api.put(&format!("{path}/credit-limit"), json!({"amount": 7})).await.ok();
    let deleted = api.delete(&path).await;

    let answer = api.get(&format!("{path}/events")).await;
    let events = answer.ok();
    assert!(answer.next().is_none());
    let events = events.as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["user-registered", "user-profile-changed", "user-credit-limit-changed", "user-deleted"]
    );
    let data: Vec<_> = events.iter().map(|event| event["data"].clone()).collect();
    let registered = json!({"name": "Ann", "email": user["email"], "credit_limit": 100_000});
    assert_eq!(data, [registered, json!({"name": "Bea"}), json!({"credit_limit": 7}), json!({})]);
    for (event, version) in events.iter().zip(1_u64..) {
        let members: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected =
            ["id", "type", "version", "position", "time", "causation_id", "correlation_id", "data"];
        expected.sort_unstable();
        assert_eq!(
            {
                let mut members = members;
                members.sort_unstable();
                members
            },
            expected
        );
        assert_eq!(event["version"], version);
        assert_eq!(uuid::Uuid::parse_str(event["id"].as_str().unwrap()).unwrap().get_version_num(), 5);
        assert_eq!(event["causation_id"], event["correlation_id"]);
        let time = event["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    }
    assert_eq!(events[1]["position"], renamed.position());
    assert_eq!(events[3]["position"], deleted.position());
}

#[tokio::test]
async fn i_read_what_happened_to_an_order_page_by_page() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    let path = Api::path(&order);
    for number in 0..4 {
        api.put(&path, json!({"ship_to": format!("{number} Main St")})).await.ok();
    }
    api.post(&format!("{path}/place"), json!(null)).await.ok();
    let all = api.get(&format!("{path}/events")).await.ok();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!((&all[0]["type"], &all[5]["type"]), (&json!("order-drafted"), &json!("order-placed")));
    assert!(all.iter().all(|event| event["data"]["user_id"] == user["id"]));
    assert_eq!((&all[5]["data"]["total"], &all[5]["data"]["ship_to"]), (&json!(750), &json!("3 Main St")));

    for limit in [1, 2, 4, 5, 6] {
        let (mut rows, mut pages, mut next) = (Vec::new(), 0, Some(format!("{path}/events?limit={limit}")));
        while let Some(page) = next {
            let answer = api.get(&page).await;
            rows.extend(answer.ok().as_array().unwrap().clone());
            (pages, next) = (pages + 1, answer.next());
        }
        assert_eq!((&rows, pages), (all, 6_usize.div_ceil(limit)), "limit {limit}");
    }
    let after = api.get(&format!("{path}/events?limit=1")).await.next().unwrap();
    assert!(after.starts_with(&format!("{path}/events?")), "{after}");
    assert_eq!(
        api.get(&format!("{after}&limit=200").replace("limit=1&", "")).await.ok(),
        Value::from(all[1..].to_vec())
    );
}

#[tokio::test]
async fn two_events_of_one_append_keep_their_order() {
    let api = Api::shared();
    let user = api.user().await;
    let order = api.order(&user, true).await;
    let body = json!({"lines": [], "ship_to": "1 Main St"});
    let answer = api.put(&Api::path(&order), body).await;
    assert_eq!((answer.version(), answer.ok()["version"].clone()), (3, json!(3)));
    let events = api.get(&format!("{}/events", Api::path(&order))).await.ok();
    assert_eq!(events[1]["type"], "order-lines-changed");
    assert_eq!(events[2]["type"], "order-ship-to-changed");
    assert_eq!(events[2]["position"], answer.position());
}

#[tokio::test]
async fn a_query_of_events_that_cannot_be_read_is_malformed() {
    let api = Api::shared();
    let user = api.user().await;
    let path = format!("{}/events", Api::path(&user));
    for query in
        ["limit=0", "limit=201", "limit=x", "after=x", "after=-1", "after=", "since=1", "limit=1&limit=1"]
    {
        api.get(&format!("{path}?{query}")).await.problem("malformed-request");
    }
    assert_eq!(api.get(&format!("{path}?after=1")).await.ok(), json!([]));
    assert_eq!(api.get(&format!("{path}?after=18446744073709551615")).await.ok(), json!([]));
    api.get(&format!("/users/{}/events?after=1", fresh_id())).await.problem("not-found");
}

#[tokio::test]
async fn a_scrawl_of_a_foreign_hand_hinders_nobody() {
    let api = Api::shared();
    let user = api.user().await;
    let id = user["id"].as_str().unwrap();
    let log = Log::of(&api).await;
    log.scrawl("user", id).await;
    log.append(("user", id), "user-deleted", 9, &json!({})).await;
    let path = Api::path(&user);
    assert_eq!(api.get(&path).await.ok(), user);
    let renamed = api.put(&path, json!({"name": "Bea"})).await;
    assert_eq!((renamed.version(), renamed.ok()["name"].clone()), (2, json!("Bea")));
    assert_eq!(api.events(&user).await, 2);
    let listed = api.get(&format!("/users?email={}", user["email"].as_str().unwrap())).await.ok();
    assert_eq!(listed, json!([renamed.ok()]));
    let metrics = String::from_utf8(api.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("jetsource_foreign_messages_total"), "it is counted");
}

#[tokio::test]
async fn the_log_says_on_whose_trace_a_command_was() {
    let api = Api::shared();
    let log = Log::of(&api).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let user = api.user().await;
    let (line, id) = (format!("PUT {}", Api::path(&user)), user["id"].as_str().unwrap());
    api.call(&line, &[("traceparent", trace)], json!({"name": "Bea"})).await.ok();
    let headers = log.last_headers("user", id).await;
    assert_eq!(headers.get("traceparent").unwrap().as_str(), trace);
    assert_eq!(headers.get("ce-entityversion").unwrap().as_str(), "2");
    assert!(headers.get("ce-actor").is_none(), "nobody is named where there are no tokens");
    // By W3C, what cannot be read is left out and stops nothing.
    for wrong in ["", "x", "00-0-0-01", &"0".repeat(55), &format!("{trace} {trace}")] {
        let name = json!({"name": fresh_id()});
        api.call(&line, &[("traceparent", wrong)], name).await.ok();
        assert!(log.last_headers("user", id).await.get("traceparent").is_none(), "{wrong:?}");
    }
    let twice = [("traceparent", trace), ("traceparent", trace)];
    api.call(&line, &twice, json!({"name": "Eve"})).await.ok();
}
