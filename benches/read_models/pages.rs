//! Pages of a view of as many rows as the log has events.

use std::future::pending;
use std::time::Instant;

use event_model::{Column, Projection, Recorded, Unreadable};
use event_store::EventStore;
use projections::{Cursor, Order, Query, Views};
use serde::{Deserialize, Serialize};

use crate::homes::Kind;
use crate::measure::{head, row, summary};

/// Rows of a page, as many as a list gives when nothing is said.
const PAGE: u32 = 50;
/// How often each page is read.
const TIMES: usize = 200;

/// Everything that happens, a row each.
struct Happenings;

/// What happened, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Happening {
    event_type: String,
    entity: String,
    data: serde_json::Value,
}

impl Projection for Happenings {
    const NAME: &'static str = "happenings";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["event_type"]];
    type Row = Happening;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Ok(vec![event.id.to_string()])
    }

    fn project(_: &str, _: Option<Happening>, event: &Recorded) -> Result<Option<Happening>, Unreadable> {
        let (event_type, entity) = (event.event_type.clone(), event.entity.to_string());
        let data = serde_json::from_slice(&event.data);
        let data = data.map_err(|source| Unreadable::Data { event_type: event_type.clone(), source })?;
        Ok(Some(Happening { event_type, entity, data }))
    }

    fn columns(row: &Happening) -> Vec<(&'static str, Column)> {
        vec![("event_type", row.event_type.as_str().into())]
    }
}

/// The first page, one in the middle, and the last, each in every order that there is.
pub(crate) async fn run(store: &EventStore, kind: &Kind) {
    let home = kind.make();
    let views = Views::open(&home.address()).await.unwrap();
    let worker = views.worker::<Happenings>().await.unwrap();
    let running = tokio::spawn(worker.run(store.clone(), pending()));
    let end = store.head().await.unwrap();
    let mut status = views.watch(Happenings::NAME).unwrap();
    status.wait_for(|status| status.position >= end).await.unwrap();
    running.abort();
    let by_key = Query::new(Order::KeyAscending, PAGE);
    let newest = Query::new(Order::NewestFirst, PAGE);
    let lists = [
        ("by key", by_key),
        ("newest first", newest.clone()),
        ("of one type, newest first", newest.having("event_type", "order-shipped")),
    ];
    println!("\n{}:\n", kind.name());
    head(&["list", "rows", "page", "p50 ms", "p99 ms"]);
    for (what, query) in lists {
        let (rows, cursors) = walk(&views, &query).await;
        let pages = [("first", None), ("middle", cursors.get(cursors.len() / 2)), ("last", cursors.last())];
        for (page, after) in pages {
            let query = query.clone().after(after.cloned());
            let mut times = Vec::new();
            let started = Instant::now();
            for _ in 0..TIMES {
                let asked = Instant::now();
                let page = views.list(Happenings::NAME, &query).await.unwrap();
                assert!(!page.rows.is_empty());
                times.push(asked.elapsed());
            }
            let found = summary(times, started.elapsed());
            let (p50, p99) = (format!("{:.2}", found.p50), format!("{:.2}", found.p99));
            row(&[what.into(), rows.to_string(), page.into(), p50, p99]);
        }
    }
}

/// How many rows a list has, and where its pages begin but the first.
async fn walk(views: &Views, query: &Query) -> (usize, Vec<Cursor>) {
    let (mut rows, mut cursors) = (0, Vec::new());
    loop {
        // Long pages, so that it takes less time.
        let longer = Query { limit: PAGE * 20, ..query.clone() }.after(cursors.last().cloned());
        let page = views.list(Happenings::NAME, &longer).await.unwrap();
        rows += page.rows.len();
        match page.next {
            Some(next) => cursors.push(next),
            None => return (rows, cursors),
        }
    }
}
