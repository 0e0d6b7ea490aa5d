//! The view: the cards of each holder.

use event_model::{Column, Projection, Recorded, Unreadable};
use serde::{Deserialize, Serialize};

use crate::gift_card::GiftCardEvent;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Card {
    holder: String,
    left: u64,
    redemptions: u64,
}

pub(crate) enum Cards {}

impl Projection for Cards {
    const NAME: &'static str = "cards";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["holder"]];
    type Row = Card;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let ours = event.entity.category == "gift-card";
        Ok(ours.then(|| event.entity.id.clone()).into_iter().collect())
    }

    fn project(_key: &str, row: Option<Card>, event: &Recorded) -> Result<Option<Card>, Unreadable> {
        Ok(match (row, event.decode()?) {
            (_, GiftCardEvent::GiftCardIssued { holder, amount }) => {
                Some(Card { holder, left: amount, redemptions: 0 })
            }
            (row, GiftCardEvent::GiftCardRedeemed { amount }) => row.map(|card| Card {
                left: card.left.saturating_sub(amount),
                redemptions: card.redemptions + 1,
                ..card
            }),
        })
    }

    fn columns(row: &Card) -> Vec<(&'static str, Column)> {
        vec![("holder", row.holder.as_str().into())]
    }
}
