//! Lists: pages to the end, filters, and what happens between two pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Api, fresh_email, fresh_id, fresh_sku};

/// All rows from this page on, and how many pages they fill.
async fn to_the_end(api: &Api, first: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut next) = (Vec::new(), 0, Some(first.to_owned()));
    while let Some(path) = next {
        let answer = api.get(&path).await;
        rows.extend(answer.ok().as_array().unwrap().clone());
        (pages, next) = (pages + 1, answer.next());
        assert!(pages < 1000, "it never ends");
    }
    (rows, pages)
}

fn ids(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn users_are_listed_by_id_as_they_are() {
    let api = Api::shared();
    let mine = [api.user().await, api.user().await, api.user().await];
    api.delete(&Api::path(&mine[1])).await.ok();
    let (rows, _) = to_the_end(&api, "/users?limit=200").await;
    let listed = ids(&rows, "id");
    assert!(listed.is_sorted());
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert!(rows.contains(&mine[0]) && rows.contains(&mine[2]), "as reading each one shows it");
    assert!(!listed.iter().any(|id| mine[1]["id"] == id.as_str()), "a deleted user is not listed");
}

#[tokio::test]
async fn a_user_is_found_by_address() {
    let api = Api::shared();
    let user = api.user().await;
    let email = user["email"].as_str().unwrap();
    for query in [email.to_owned(), email.to_uppercase(), format!("%20{email}%20"), email.replace('@', "%40")]
    {
        assert_eq!(api.get(&format!("/users?email={query}")).await.ok(), json!([user]), "{query}");
    }
    let moved = api.put(&Api::path(&user), json!({"email": fresh_email()})).await.ok();
    assert_eq!(api.get(&format!("/users?email={email}")).await.ok(), json!([]));
    let query = format!("/users?email={}&limit=1", moved["email"].as_str().unwrap());
    assert_eq!(api.get(&query).await.ok(), json!([moved]));
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let api = Api::shared();
    let (user, other) = (api.user().await, api.user().await);
    let mut mine = Vec::new();
    for number in 0..7 {
        mine.push(api.order(&user, number % 2 == 0).await);
        api.order(&other, false).await;
    }
    // Its place is that of its first event, whatever comes after.
    mine[0] = api.post(&format!("{}/place", Api::path(&mine[0])), json!(null)).await.ok();
    mine.reverse();

    let path = format!("/orders?user_id={}", user["id"].as_str().unwrap());
    assert_eq!(to_the_end(&api, &path).await, (mine.clone(), 1));
    for (limit, pages) in [(1, 7), (2, 4), (3, 3), (6, 2), (7, 1), (200, 1)] {
        let (rows, took) = to_the_end(&api, &format!("{path}&limit={limit}")).await;
        assert_eq!((rows, took), (mine.clone(), pages), "limit {limit}");
    }
    let answer = api.get(&format!("{path}&limit=2")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.position() > 0);
    let next = answer.next().unwrap();
    assert!(next.starts_with("/orders?") && next.contains("user_id=") && next.contains("limit=2"), "{next}");
}

#[tokio::test]
async fn orders_are_found_by_status() {
    let api = Api::shared();
    let user = api.user().await;
    let draft = api.order(&user, true).await;
    let placed = api.order(&user, false).await;
    let cancelled = api.order(&user, false).await;
    let cancelled = api.post(&format!("{}/cancel", Api::path(&cancelled)), json!(null)).await.ok();
    let path = format!("/orders?user_id={}&status=", user["id"].as_str().unwrap());
    let list = async |status: &str| api.get(&format!("{path}{status}")).await.ok();
    assert_eq!(list("draft").await, json!([draft]));
    assert_eq!(list("placed").await, json!([placed]));
    assert_eq!(list("cancelled").await, json!([cancelled]));
    assert_eq!(list("completed").await, json!([]));
    let now = api.delete(&Api::path(&draft)).await;
    now.ok();
    assert_eq!(list("draft").await, json!([]));
    assert_eq!(list("cancelled").await.as_array().unwrap().len(), 2);

    let (rows, _) = to_the_end(&api, "/orders?status=cancelled&limit=200").await;
    assert!(rows.contains(&cancelled) && rows.iter().all(|row| row["status"] == "cancelled"));
    let other = format!("/orders?user_id={}", fresh_id());
    assert_eq!(api.get(&other).await.ok(), json!([]));
}

#[tokio::test]
async fn articles_are_listed_by_sku() {
    let api = Api::shared();
    let mut mine = Vec::new();
    for name in ["b.2", "a-1", "Z_9"] {
        let path = format!("/stock/{}/receipts", fresh_sku(name));
        mine.push(api.post(&path, json!({"quantity": 4})).await.ok());
    }
    let (rows, _) = to_the_end(&api, "/stock?limit=200").await;
    assert!(mine.iter().all(|article| rows.contains(article)));
    let (by_two, pages) = to_the_end(&api, "/stock?limit=2").await;
    let skus = ids(&by_two, "sku");
    assert!(skus.is_sorted() && pages > 1);
    assert_eq!(skus.iter().collect::<BTreeSet<_>>().len(), skus.len());
    assert!(mine.iter().all(|article| by_two.contains(article)));
}

#[tokio::test]
async fn what_arrives_between_two_pages_never_shifts_them() {
    let api = Api::shared();
    let user = api.user().await;
    let path = format!("/orders?user_id={}&limit=2", user["id"].as_str().unwrap());
    let mut mine = Vec::new();
    for _ in 0..5 {
        mine.push(api.order(&user, false).await);
    }
    let (mut rows, mut next) = (Vec::new(), Some(path));
    while let Some(path) = next {
        let answer = api.get(&path).await;
        rows.extend(answer.ok().as_array().unwrap().clone());
        next = answer.next();
        // Newer ones come, and one of a page yet to come changes.
        api.order(&user, false).await;
        mine[0] = api.put(&Api::path(&mine[0]), json!({"ship_to": fresh_id()})).await.ok();
    }
    mine.reverse();
    assert_eq!(ids(&rows, "id"), ids(&mine, "id"));
}

#[tokio::test]
async fn a_user_that_registers_before_my_place_does_not_shift_it() {
    let api = Api::shared();
    for _ in 0..3 {
        api.user().await;
    }
    let first = api.get("/users?limit=1").await;
    // An id below all that are made from the time.
    let low = format!("00000000-0000-4000-8000-{}", &fresh_id()[24..]);
    let early = json!({"name": "Ann", "email": fresh_email(), "id": low});
    let registered = api.post("/users", early).await.created();
    let (rest, _) = to_the_end(&api, &first.next().unwrap().replace("limit=1&", "limit=200&")).await;
    let seen = ids(first.ok().as_array().unwrap(), "id");
    assert!(ids(&rest, "id").iter().all(|id| *id > seen[0]));
    assert!(!rest.contains(&registered) || registered["id"].as_str().unwrap() > seen[0].as_str());
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_malformed() {
    let api = Api::shared();
    for path in ["/users", "/orders", "/stock"] {
        for query in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=many",
            "limit=",
            "limit=1.5",
            "limit=99999999999999999999",
            "limit=1&limit=2",
            "after=x",
            "after=",
            "after=%00",
            "after=70",
            "after=7a7a7a",
            "sort=name",
            "after=ffffffff",
            "after=%F0%9F%8D%B5",
        ] {
            let answer = api.get(&format!("{path}?{query}")).await;
            let problem = answer.problem("malformed-request");
            assert_eq!(problem["instance"], path, "{query}");
        }
    }
    for query in ["user_id=me", "status=gone", "status=Draft", "status=", "user_id=", "email=a@b"] {
        api.get(&format!("/orders?{query}")).await.problem("malformed-request");
    }
    for query in ["email=ann", "email=", "email=a@b&email=a@b", "user_id=x"] {
        api.get(&format!("/users?{query}")).await.problem("malformed-request");
    }
}

#[tokio::test]
async fn the_place_in_another_list_is_malformed() {
    let api = Api::shared();
    let user = api.user().await;
    api.user().await;
    api.order(&user, false).await;
    api.order(&user, false).await;
    let after =
        |answer: &crate::client::Answer| answer.next().unwrap().split_once("after=").unwrap().1.to_owned();
    let (of_users, of_orders) =
        (after(&api.get("/users?limit=1").await), after(&api.get("/orders?limit=1").await));
    api.get(&format!("/orders?after={of_users}")).await.problem("malformed-request");
    api.get(&format!("/users?after={of_orders}")).await.problem("malformed-request");
    api.get(&format!("/stock?after={of_orders}")).await.problem("malformed-request");
    api.get(&format!("/users?after={of_users}&limit=5")).await.ok();
}

#[tokio::test]
async fn a_page_without_a_limit_has_fifty_rows() {
    let api = Api::shared();
    let user = api.user().await;
    let orders = (0..51).map(|_| api.order(&user, true));
    futures_util::future::join_all(orders).await;
    let path = format!("/orders?user_id={}", user["id"].as_str().unwrap());
    let answer = api.get(&path).await;
    assert_eq!(answer.ok().as_array().unwrap().len(), 50);
    assert_eq!(api.get(&answer.next().unwrap()).await.ok().as_array().unwrap().len(), 1);
}
