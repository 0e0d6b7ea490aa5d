//! One key at once on two nodes, while others change what it is about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::json;

use crate::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_has_one_answer_while_others_change_the_same() {
    let shop = Shop::open();
    let other = shop.second_node();
    let ann = json!({"name": "A", "email": "ann@example.com"});
    let path = format!("/users/{}", shop.api.post("/users", &ann).is(201).await.id());
    let done = Arc::<AtomicBool>::default();
    let flips = tokio::spawn({
        let (api, path, done) = (shop.api.clone(), path.clone(), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Relaxed) {
                api.put(&path, &json!({"name": "B"})).is(200).await;
                api.put(&path, &json!({"name": "A"})).is(200).await;
            }
        }
    });
    for round in 0..25 {
        let key = format!("key-{round}");
        let body = json!({"name": "A"});
        let call = |n: usize| {
            if n.is_multiple_of(2) { &shop.api } else { &other.api }.put(&path, &body).key(&key).answer()
        };
        let mut answers = join_all((0..8).map(call)).await;
        answers.push(call(0).await);
        let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409)), "{answers:#?}");
        let firsts: Vec<_> = given.iter().filter(|answer| !answer.is_replayed()).collect();
        assert_eq!(firsts.len(), 1, "round {round}: {answers:#?}");
        for answer in &given {
            assert_eq!(answer.json(), firsts[0].json(), "round {round}: {answers:#?}");
        }
    }
    done.store(true, Ordering::Relaxed);
    flips.await.unwrap();
}
