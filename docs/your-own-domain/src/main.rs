//! Gift cards on the log.
#![expect(clippy::print_stdout, reason = "it shows what happens")]

mod gift_card;

use std::error::Error;

use event_model::{Metadata, Version};
use event_store::{Connection, Durability, EventStore, Expected, IdempotencyKey, Settings, alone};
use time::OffsetDateTime;
use uuid::Uuid;

use gift_card::GiftCardCommand::{Issue, Redeem};
use gift_card::{GiftCard, GiftCardRejection};

/// A command of its own. Time and ids are drawn here; the rules see neither clock nor chance.
fn command() -> Metadata {
    Metadata::first(Uuid::now_v7(), OffsetDateTime::now_utc())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let connection = Connection::open(&url).await?;
    if connection.durability().await != Durability::EveryAckSynced {
        return Err("the broker does not say that it syncs before each acknowledgement".into());
    }
    let store = EventStore::open(connection, Settings::default()).await?;

    let card = Uuid::now_v7();
    let done = store.execute::<GiftCard>(&card, Issue { amount: 50 }, &command()).await?;
    println!("issue: {:?}, version {}, {} left", done.effect, done.entity.version, done.entity.state.left);
    let again = store.execute::<GiftCard>(&card, Issue { amount: 50 }, &command()).await?;
    println!("issue again: {:?}, version {}", again.effect, again.entity.version);

    // Two writers at once: the broker lets one through, and the other decides anew on what it then finds.
    let (one, two) = (command(), command());
    let (one, two) = tokio::join!(
        store.execute::<GiftCard>(&card, Redeem { amount: 30 }, &one),
        store.execute::<GiftCard>(&card, Redeem { amount: 30 }, &two),
    );
    let (first, second) = if one.is_ok() { (one?, two) } else { (two?, one) };
    println!("first writer: {:?}, {} left", first.effect, first.entity.state.left);
    if let Err(refused) = second {
        println!("second writer: {refused}");
    }

    // Whoever relies on the version that was seen is refused once somebody else was faster.
    let seen = store.load::<GiftCard>(&card).await?;
    store.execute::<GiftCard>(&card, Redeem { amount: 5 }, &command()).await?;
    let late = store.execute_at::<GiftCard>(&card, seen.version, Redeem { amount: 5 }, &command()).await;
    if let Err(refused) = late {
        println!("late writer: {refused}");
    }

    // The answer was lost, so the call is sent again under its key.
    let path = format!("/gift-cards/{card}/redemptions");
    let key = IdempotencyKey::new(format!("lunch-{card}"), "POST", &path, br#"{"amount":10}"#);
    for _ in 0..2 {
        let redeem = Redeem { amount: 10 };
        let also = alone::<GiftCard, GiftCardRejection>;
        let done = store.execute_once(&key, &card, Expected::Newest, redeem, &command(), also).await?;
        println!("under a key: {:?}, {} left", done.effect, done.entity.state.left);
    }

    let (history, _more) = store.history::<GiftCard>(&card, Version::START, 100).await?;
    for event in history {
        let (version, data) = (event.version.unwrap_or_default(), String::from_utf8_lossy(&event.data));
        println!("{version} {} {data}", event.event_type);
    }
    let then = store.load_at::<GiftCard>(&card, Version::new(2)).await?;
    println!("at version {}: {} left", then.version, then.state.left);
    Ok(())
}
