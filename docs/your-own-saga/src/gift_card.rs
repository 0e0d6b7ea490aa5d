//! A gift card: redeemed for bookings, and refunded where a booking came to nothing.

use std::collections::BTreeMap;

use event_model::{Decider, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GiftCardEvent {
    GiftCardIssued { amount: u64 },
    GiftCardRedeemed { booking: Uuid, amount: u64 },
    GiftCardRefused { booking: Uuid, left: u64 },
    GiftCardRefunded { booking: Uuid, amount: u64 },
}

impl Event for GiftCardEvent {
    const TYPES: &'static [&'static str] =
        &["gift-card-issued", "gift-card-redeemed", "gift-card-refused", "gift-card-refunded"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::GiftCardIssued { .. } => "gift-card-issued",
            Self::GiftCardRedeemed { .. } => "gift-card-redeemed",
            Self::GiftCardRefused { .. } => "gift-card-refused",
            Self::GiftCardRefunded { .. } => "gift-card-refunded",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GiftCardCommand {
    Issue { amount: u64 },
    Redeem { booking: Uuid, amount: u64 },
    Refund { booking: Uuid },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum GiftCardRejection {
    #[error("it was issued for {amount}")]
    IssuedFor { amount: u64 },
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct GiftCard {
    issued_for: Option<u64>,
    pub(crate) left: u64,
    bookings: BTreeMap<Uuid, Answered>,
}

/// What a booking was told last.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Answered {
    Redeemed(u64),
    Refused,
    Refunded,
}

impl Decider for GiftCard {
    const CATEGORY: &'static str = "gift-card";
    const STATE_FORMAT: u32 = 1;
    type Id = Uuid;
    type Command = GiftCardCommand;
    type Event = GiftCardEvent;
    type Rejection = GiftCardRejection;

    fn decide(&self, command: GiftCardCommand) -> Result<Vec<GiftCardEvent>, GiftCardRejection> {
        let event = match command {
            GiftCardCommand::Issue { amount } => match self.issued_for {
                None => GiftCardEvent::GiftCardIssued { amount },
                Some(before) if before == amount => return Ok(vec![]),
                Some(amount) => return Err(GiftCardRejection::IssuedFor { amount }),
            },
            GiftCardCommand::Redeem { booking, amount } => match self.bookings.get(&booking) {
                None if amount <= self.left => GiftCardEvent::GiftCardRedeemed { booking, amount },
                None => GiftCardEvent::GiftCardRefused { booking, left: self.left },
                Some(Answered::Redeemed(_) | Answered::Refused | Answered::Refunded) => return Ok(vec![]),
            },
            GiftCardCommand::Refund { booking } => match self.bookings.get(&booking) {
                Some(Answered::Redeemed(amount)) => {
                    GiftCardEvent::GiftCardRefunded { booking, amount: *amount }
                }
                // Also what was never redeemed: it is answered, and what comes to redeem it later is too late.
                None | Some(Answered::Refused) => GiftCardEvent::GiftCardRefunded { booking, amount: 0 },
                Some(Answered::Refunded) => return Ok(vec![]),
            },
        };
        Ok(vec![event])
    }

    fn evolve(mut self, event: GiftCardEvent) -> Self {
        match event {
            GiftCardEvent::GiftCardIssued { amount } => {
                (self.issued_for, self.left) = (Some(amount), amount);
            }
            GiftCardEvent::GiftCardRedeemed { booking, amount } => {
                self.left = self.left.saturating_sub(amount);
                self.bookings.insert(booking, Answered::Redeemed(amount));
            }
            GiftCardEvent::GiftCardRefused { booking, .. } => {
                self.bookings.insert(booking, Answered::Refused);
            }
            GiftCardEvent::GiftCardRefunded { booking, amount } => {
                self.left += amount;
                self.bookings.insert(booking, Answered::Refunded);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use event_model::given;
    use uuid::Uuid;

    use super::{GiftCard, GiftCardCommand::*, GiftCardEvent::*};

    #[test]
    fn a_refund_that_comes_first_leaves_nothing_to_redeem() {
        let booking = Uuid::from_u128(1);
        let issued = || GiftCardIssued { amount: 50 };
        let nothing = || GiftCardRefunded { booking, amount: 0 };
        given::<GiftCard>([issued()]).when(Refund { booking }).then([nothing()]);
        given::<GiftCard>([issued(), nothing()]).when(Redeem { booking, amount: 30 }).then_nothing();
        given::<GiftCard>([issued(), nothing()]).when(Refund { booking }).then_nothing();
    }
}
