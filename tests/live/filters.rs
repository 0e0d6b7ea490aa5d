//! Which events a listener hears.

use serde_json::Value;

use crate::harness::Program;
use crate::listener::Listener;
use crate::shop::{Shop, log, note};

#[tokio::test]
async fn i_hear_what_i_asked_for_alone() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let user = shop.user().await;
    let id = user["id"].as_str().unwrap();
    for sku in ["tea", "cup", "tea"] {
        shop.receive(sku).await;
    }
    let noted = note(&log(program.nats()).await, 1).await;
    assert_eq!(noted, 6);
    let events =
        shop.get(&format!("/users/{id}/events")).send().await.unwrap().json::<Value>().await.unwrap();
    let correlation = events[0]["correlation_id"].as_str().unwrap();
    let cases = [
        ("from=start".to_owned(), vec![1, 2, 3, 4, 5, 6]),
        ("category=stock".to_owned(), vec![3, 4, 5]),
        ("category=user,note".to_owned(), vec![1, 6]),
        ("type=email-claimed,stock-received".to_owned(), vec![2, 3, 4, 5]),
        ("category=stock&type=email-claimed,note-taken".to_owned(), vec![]),
        ("entity=stock/tea".to_owned(), vec![3, 5]),
        (format!("entity=user/{id}"), vec![1]),
        (format!("correlation={correlation}"), vec![1, 2]),
    ];
    for (query, wanted) in cases {
        let query = if query.contains("from") { query } else { format!("{query}&from=start") };
        let mut listener = Listener::to(program.http(), &query).await;
        if let Some(last) = wanted.last().copied() {
            assert_eq!(listener.positions_to(last).await, wanted, "{query}");
        }
        // Also where nothing came there is a place to go on from.
        while listener.last_id < Some(noted) {
            let block = listener.block().await.unwrap();
            assert!(block.data.is_none(), "{query}: {block:?}");
        }
    }
}

#[tokio::test]
async fn i_hear_it_also_as_it_comes() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    let mut listeners = Vec::new();
    for query in ["", "category=stock", "entity=stock/tea", "type=user-registered", "category=user,email"] {
        listeners.push(Listener::to(program.http(), query).await);
    }
    for sku in ["tea", "cup"] {
        shop.receive(sku).await;
    }
    shop.user().await;
    shop.receive("tea").await;
    let wanted: [&[u64]; 5] = [&[1, 2, 3, 4, 5], &[1, 2, 5], &[1, 5], &[3], &[3, 4]];
    for (mut listener, wanted) in listeners.into_iter().zip(wanted) {
        assert_eq!(listener.positions_to(*wanted.last().unwrap()).await, wanted);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_said() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    for (query, says) in [
        ("entity=stock", "<category>/<id>"),
        ("category=", "names"),
        ("type=a,,b", "names"),
        ("correlation=x", "correlation"),
        ("from=yesterday", "RFC 3339"),
        ("from=1", "ends at 0"),
        ("colour=red", "colour"),
        ("limit=5", "limit"),
    ] {
        let answer = shop.get(&format!("/events?{query}")).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        let problem = answer.json::<Value>().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(says), "{query}: {problem}");
    }
    for wrong in ["x", "-1", "9"] {
        let answer = shop.get("/events").header("last-event-id", wrong).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{wrong}");
    }
}
