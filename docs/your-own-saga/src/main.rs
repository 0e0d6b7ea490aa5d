//! Seats that are paid with gift cards.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

mod booking;
mod gift_card;
mod inbox;
mod seat;

use std::error::Error;

use event_model::{Decider, EntityName, Metadata, Progress, Saga, Version};
use event_store::{Connection, EventStore, QueuedCommand, Settings};
use sagas::{Asked, Runner, StuckSagas, ask};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use booking::{Booking, BookingSettings};
use gift_card::{GiftCard, GiftCardCommand};
use seat::{Seat, SeatCommand};

const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let store = EventStore::open(Connection::open(&url).await?, Settings::default()).await?;
    store.open_queue(&[Seat::CATEGORY, GiftCard::CATEGORY]).await?;
    store.open_deadlines().await?;

    let (stop, stop_cards) = (CancellationToken::new(), CancellationToken::new());
    let settings = BookingSettings { to_pay: Duration::seconds(3) };
    let runner = tokio::spawn(Runner::<Booking>::new(store.clone(), settings).run(stop.clone()));
    tokio::spawn(inbox::take::<Seat>(store.clone(), stop.clone()));
    tokio::spawn(inbox::take::<GiftCard>(store.clone(), stop_cards.clone()));

    let card = Uuid::now_v7();
    store.execute::<GiftCard>(&card, GiftCardCommand::Issue { amount: 50 }, &command()).await?;
    for seat in ["first", "second"] {
        let booking = hold(&store, card, 30).await?;
        println!("{seat} seat: {}, {} left", end(&store, booking).await?, left(&store, card).await?);
    }

    // From here on nobody takes the commands to gift cards.
    stop_cards.cancel();
    let given_up = hold(&store, card, 20).await?;
    until(&store, given_up, |booking| (*booking != Booking::NotBegun).then_some(())).await?;
    let saga = EntityName::new(Booking::CATEGORY, given_up);
    let reason = "the guest has left".to_owned();
    println!("asked: {}", ask(&store, &saga, Asked::Abandon { reason }).await?);
    let late = hold(&store, card, 20).await?;
    let failed = |booking: &Booking| matches!(booking, Booking::Refunding { .. }).then(|| booking.progress());
    println!("too late: {:?}", until(&store, late, failed).await?);

    // Now there is somebody again, who finds four commands on the queue.
    tokio::spawn(inbox::take::<GiftCard>(store.clone(), stop.clone()));
    for (seat, booking) in [("third", given_up), ("fourth", late)] {
        println!("{seat} seat: {}", end(&store, booking).await?);
    }
    println!("{} left", left(&store, card).await?);
    let (history, _more) = store.history::<Booking>(&late, Version::START, 100).await?;
    for event in history {
        println!("{} {}", event.version.unwrap_or_default(), event.event_type);
    }

    // Nobody has held this seat, so it cannot be sold.
    let sell = QueuedCommand {
        id: Uuid::now_v7().to_string(),
        entity: EntityName::new(Seat::CATEGORY, Uuid::now_v7()),
        command: "sell".to_owned(),
        body: json!({ "booking": Uuid::now_v7() }).to_string().into(),
        causation_id: None,
        correlation_id: None,
        traceparent: None,
    };
    store.enqueue(&sell).await?;
    let refused = loop {
        let refused = store.refused(1).await?.pop();
        match refused.filter(|refused| refused.asked().is_some_and(|(entity, _)| entity == sell.entity)) {
            Some(refused) => break serde_json::from_slice::<Value>(&refused.problem)?,
            None => sleep(LOOK_AGAIN).await,
        }
    };
    println!("refused: {}", refused["detail"]);

    let stuck = StuckSagas::open(&store).await?.all(Some(Booking::CATEGORY)).await?;
    println!("stuck: {stuck:?}");
    stop.cancel();
    runner.await??;
    Ok(())
}

/// A command of its own. Time and ids are drawn here; the rules see neither clock nor chance.
fn command() -> Metadata {
    Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc())
}

/// Holds a seat, which begins a booking.
async fn hold(store: &EventStore, card: Uuid, price: u64) -> Result<Uuid, Box<dyn Error>> {
    let (seat, booking) = (Uuid::now_v7(), Uuid::now_v7());
    store.execute::<Seat>(&seat, SeatCommand::Hold { booking, card, price }, &command()).await?;
    Ok(booking)
}

/// Looks at a booking until it has come so far.
async fn until<T>(
    store: &EventStore,
    booking: Uuid,
    so_far: impl Fn(&Booking) -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    loop {
        match so_far(&store.load::<Booking>(&booking).await?.state) {
            Some(found) => return Ok(found),
            None => sleep(LOOK_AGAIN).await,
        }
    }
}

/// What comes of a booking in the end.
async fn end(store: &EventStore, booking: Uuid) -> Result<String, Box<dyn Error>> {
    let ended = |booking: &Booking| match booking.progress() {
        Progress::Done { outcome } => Some(outcome),
        Progress::NotBegun | Progress::Running { .. } => None,
    };
    until(store, booking, ended).await
}

async fn left(store: &EventStore, card: Uuid) -> Result<u64, Box<dyn Error>> {
    Ok(store.load::<GiftCard>(&card).await?.state.left)
}
