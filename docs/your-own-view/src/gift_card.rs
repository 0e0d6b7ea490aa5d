//! Gift cards, with who holds them.

use std::convert::Infallible;

use event_model::{Decider, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GiftCardEvent {
    GiftCardIssued { holder: String, amount: u64 },
    GiftCardRedeemed { amount: u64 },
}

impl Event for GiftCardEvent {
    const TYPES: &'static [&'static str] = &["gift-card-issued", "gift-card-redeemed"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::GiftCardIssued { .. } => "gift-card-issued",
            Self::GiftCardRedeemed { .. } => "gift-card-redeemed",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum GiftCardCommand {
    Issue { holder: String, amount: u64 },
    Redeem { amount: u64 },
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct GiftCard {
    left: u64,
}

impl Decider for GiftCard {
    const CATEGORY: &'static str = "gift-card";
    const STATE_FORMAT: u32 = 1;
    type Id = Uuid;
    type Command = GiftCardCommand;
    type Event = GiftCardEvent;
    type Rejection = Infallible;

    fn decide(&self, command: GiftCardCommand) -> Result<Vec<GiftCardEvent>, Infallible> {
        Ok(match command {
            GiftCardCommand::Issue { holder, amount } => {
                vec![GiftCardEvent::GiftCardIssued { holder, amount }]
            }
            GiftCardCommand::Redeem { amount } if amount <= self.left => {
                vec![GiftCardEvent::GiftCardRedeemed { amount }]
            }
            GiftCardCommand::Redeem { .. } => vec![],
        })
    }

    fn evolve(self, event: GiftCardEvent) -> Self {
        match event {
            GiftCardEvent::GiftCardIssued { amount, .. } => Self { left: amount },
            GiftCardEvent::GiftCardRedeemed { amount } => Self { left: self.left.saturating_sub(amount) },
        }
    }
}
