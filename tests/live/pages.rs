//! The log as pages.

use reqwest::Response;
use serde_json::Value;

use crate::harness::Program;
use crate::shop::{Shop, log, note};

struct Page {
    positions: Vec<u64>,
    reached: u64,
    next: Option<String>,
    prev: Option<String>,
}

async fn page(shop: &Shop, path: &str) -> Page {
    let answer = shop.get(path).header("accept", "application/json").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let link = |relation: &str| link(&answer, relation);
    let (next, prev) = (link("next"), link("prev"));
    let reached = answer.headers()["jetsource-position"].to_str().unwrap().parse().unwrap();
    let events = answer.json::<Vec<Value>>().await.unwrap();
    let positions = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    Page { positions, reached, next, prev }
}

fn link(answer: &Response, relation: &str) -> Option<String> {
    let links = answer.headers().get("link")?.to_str().unwrap();
    let link = links.split(", ").find(|link| link.ends_with(&format!("; rel=\"{relation}\"")))?;
    Some(link.split(['<', '>']).nth(1).unwrap().to_owned())
}

/// Follows the links of one relation to the end.
async fn follow(shop: &Shop, from: &str, relation: impl Fn(&Page) -> Option<String>) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut path = Some(from.to_owned());
    while let Some(at) = path {
        let page = page(shop, &at).await;
        path = relation(&page);
        pages.push(page.positions);
    }
    pages
}

#[tokio::test]
async fn i_page_through_the_log_in_either_direction() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    for sku in ["tea", "cup", "tea", "cup", "tea", "cup", "tea"] {
        shop.receive(sku).await;
    }
    let next = |page: &Page| page.next.clone();
    let prev = |page: &Page| page.prev.clone();
    assert_eq!(follow(&shop, "/events?limit=3", next).await, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    assert_eq!(
        follow(&shop, "/events?limit=3&order=desc", next).await,
        [vec![7, 6, 5], vec![4, 3, 2], vec![1]]
    );
    assert_eq!(follow(&shop, "/events?limit=3&after=6", prev).await, [vec![7], vec![4, 5, 6], vec![1, 2, 3]]);
    assert_eq!(
        follow(&shop, "/events?limit=3&before=3&order=desc", prev).await,
        [vec![2, 1], vec![5, 4, 3], vec![7, 6]]
    );
    let of_tea = "/events?limit=3&entity=stock/tea";
    assert_eq!(follow(&shop, of_tea, next).await, [vec![1, 3, 5], vec![7]]);
    assert_eq!(follow(&shop, &format!("{of_tea}&order=desc"), next).await, [vec![7, 5, 3], vec![1]]);
    let end = page(&shop, "/events?after=7").await;
    assert_eq!((end.positions.len(), end.reached, end.next), (0, 7, None));
    let both =
        shop.get("/events?after=1&before=3").header("accept", "application/json").send().await.unwrap();
    assert_eq!(both.status(), 400);
}

#[tokio::test]
async fn a_page_looks_only_so_far_and_says_how_far() {
    let program = Program::start();
    let shop = Shop::at(program.http());
    shop.receive("tea").await;
    let log = log(program.nats()).await;
    for part in 0..6 {
        let mut sent = Vec::new();
        for number in 0..1000 {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("ce-id", format!("{part}-{number}"));
            headers.insert("ce-type", "noise-made");
            sent.push(log.publish_with_headers("append.noise.n", headers, "{}".into()).await.unwrap());
        }
        for sent in sent {
            sent.await.unwrap();
        }
    }
    let last = note(&log, 1).await;
    assert_eq!(last, 6002);
    let first = page(&shop, "/events?category=note").await;
    assert_eq!((first.positions, first.reached), (vec![], 5000));
    let second = page(&shop, &first.next.unwrap()).await;
    assert_eq!((second.positions, second.reached, second.next), (vec![6002], 6002, None));
    let back = page(&shop, "/events?category=stock&order=desc").await;
    assert_eq!((back.positions, back.reached), (vec![], 1003));
    assert_eq!(page(&shop, &back.next.unwrap()).await.positions, [1]);
    // Of one entity nothing else is read.
    let one = page(&shop, "/events?entity=note/n").await;
    assert_eq!((one.positions, one.next), (vec![6002], None));
}
