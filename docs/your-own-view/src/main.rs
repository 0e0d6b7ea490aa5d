//! A view of gift cards, with a list over HTTP.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

mod cards;
mod gift_card;

use std::error::Error;
use std::future::pending;
use std::time::Duration;

use axum::extract::{Query as Parameters, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use event_model::{Metadata, Projection as _};
use event_store::{Connection, EventStore, Settings};
use projections::{HomeAddress, Order, Query, ViewError, Views};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use uuid::Uuid;

use cards::Cards;
use gift_card::GiftCard;
use gift_card::GiftCardCommand::{self, Issue, Redeem};

/// What a list may be asked for.
#[derive(Deserialize)]
struct Asked {
    holder: String,
    limit: Option<u32>,
    after: Option<String>,
}

/// `GET /cards?holder=…`
async fn list(State(views): State<Views>, Parameters(asked): Parameters<Asked>) -> impl IntoResponse {
    let Ok(after) = asked.after.map(|after| after.parse()).transpose() else {
        return Err((StatusCode::BAD_REQUEST, "after is none that a page has given".to_owned()));
    };
    let query = Query::new(Order::NewestFirst, asked.limit.unwrap_or(50).min(200)).after(after);
    let page = views.list(Cards::NAME, &query.having("holder", asked.holder)).await;
    let page = page.map_err(|error| {
        let wrong = matches!(error, ViewError::WrongCursor);
        let status = if wrong { StatusCode::BAD_REQUEST } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, error.to_string())
    })?;
    let rows: Vec<String> = page.rows.into_iter().map(|listed| listed.row).collect();
    let next = page.next.map(|after| after.to_string()).unwrap_or_default();
    let position = page.position.to_string();
    let headers =
        [("content-type", "application/json".to_owned()), ("next-after", next), ("position", position)];
    Ok((headers, format!("[{}]", rows.join(","))))
}

async fn does(store: &EventStore, card: Uuid, command: GiftCardCommand) -> Result<(), Box<dyn Error>> {
    let metadata = Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc());
    store.execute::<GiftCard>(&card, command, &metadata).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let store = EventStore::open(Connection::open(&url).await?, Settings::default()).await?;

    // The home of the rows, and the worker that keeps them. Here they are thrown away; yours will stay where they are.
    let folder = std::env::temp_dir().join(format!("your-own-view-{}", Uuid::now_v7()));
    std::fs::create_dir(&folder)?;
    let views = Views::open(&HomeAddress::Sqlite(folder.join("views.sqlite"))).await?;
    let worker = views.worker::<Cards>().await?;
    tokio::spawn(worker.run(store.clone(), pending()));

    let router = Router::new().route("/cards", get(list)).with_state(views.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let api = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let holder = format!("ann-{}", Uuid::now_v7());
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    does(&store, first, Issue { holder: holder.clone(), amount: 50 }).await?;
    does(&store, second, Issue { holder: holder.clone(), amount: 20 }).await?;
    does(&store, first, Redeem { amount: 30 }).await?;

    // The list shows all of that once the view is where the log ends.
    views.wait_for(Cards::NAME, store.head().await?, Duration::from_secs(30)).await?;
    let mut page = format!("{api}/cards?holder={holder}&limit=1");
    loop {
        let answer = reqwest::get(&page).await?;
        let next = answer.headers().get("next-after").and_then(|next| next.to_str().ok()).map(str::to_owned);
        println!("{}", answer.text().await?.replace(&holder, "ann"));
        match next.filter(|next| !next.is_empty()) {
            Some(after) => page = format!("{api}/cards?holder={holder}&limit=1&after={after}"),
            None => break,
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
