//! A gift card: issued once, redeemed until nothing is left.

use event_model::{Decider, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GiftCardEvent {
    GiftCardIssued { amount: u64 },
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
    Issue { amount: u64 },
    Redeem { amount: u64 },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum GiftCardRejection {
    #[error("it was issued for {amount}")]
    IssuedFor { amount: u64 },
    #[error("only {left} left")]
    OnlyLeft { left: u64 },
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct GiftCard {
    issued_for: Option<u64>,
    pub(crate) left: u64,
}

impl Decider for GiftCard {
    const CATEGORY: &'static str = "gift-card";
    const STATE_FORMAT: u32 = 1;
    type Id = Uuid;
    type Command = GiftCardCommand;
    type Event = GiftCardEvent;
    type Rejection = GiftCardRejection;

    fn decide(&self, command: GiftCardCommand) -> Result<Vec<GiftCardEvent>, GiftCardRejection> {
        match (command, self.issued_for) {
            (GiftCardCommand::Issue { amount }, None) => Ok(vec![GiftCardEvent::GiftCardIssued { amount }]),
            (GiftCardCommand::Issue { amount }, Some(before)) if amount == before => Ok(vec![]),
            (GiftCardCommand::Issue { .. }, Some(amount)) => Err(GiftCardRejection::IssuedFor { amount }),
            (GiftCardCommand::Redeem { amount }, _) if amount > self.left => {
                Err(GiftCardRejection::OnlyLeft { left: self.left })
            }
            (GiftCardCommand::Redeem { amount: 0 }, _) => Ok(vec![]),
            (GiftCardCommand::Redeem { amount }, _) => Ok(vec![GiftCardEvent::GiftCardRedeemed { amount }]),
        }
    }

    fn evolve(self, event: GiftCardEvent) -> Self {
        match event {
            GiftCardEvent::GiftCardIssued { amount } => Self { issued_for: Some(amount), left: amount },
            GiftCardEvent::GiftCardRedeemed { amount } => {
                Self { left: self.left.saturating_sub(amount), ..self }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use event_model::given;

    use super::{GiftCard, GiftCardCommand::*, GiftCardEvent::*, GiftCardRejection::*};

    #[test]
    fn a_card_is_issued_once() {
        given::<GiftCard>([]).when(Issue { amount: 50 }).then([GiftCardIssued { amount: 50 }]);
        given::<GiftCard>([GiftCardIssued { amount: 50 }]).when(Issue { amount: 50 }).then_nothing();
        given::<GiftCard>([GiftCardIssued { amount: 50 }])
            .when(Issue { amount: 60 })
            .then_rejected(&IssuedFor { amount: 50 });
    }

    #[test]
    fn no_more_is_redeemed_than_is_left() {
        given::<GiftCard>([GiftCardIssued { amount: 50 }, GiftCardRedeemed { amount: 30 }])
            .when(Redeem { amount: 30 })
            .then_rejected(&OnlyLeft { left: 20 });
    }
}
