//! A seat: held for one booking, then sold to it or free again.

use std::collections::BTreeSet;

use event_model::{Decider, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeatEvent {
    SeatHeld { booking: Uuid, card: Uuid, price: u64 },
    SeatSold { booking: Uuid },
    SeatReleased { booking: Uuid },
}

impl Event for SeatEvent {
    const TYPES: &'static [&'static str] = &["seat-held", "seat-sold", "seat-released"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::SeatHeld { .. } => "seat-held",
            Self::SeatSold { .. } => "seat-sold",
            Self::SeatReleased { .. } => "seat-released",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeatCommand {
    Hold { booking: Uuid, card: Uuid, price: u64 },
    Sell { booking: Uuid },
    Release { booking: Uuid },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum SeatRejection {
    #[error("it is taken")]
    Taken,
    #[error("this booking is over")]
    Over,
    #[error("it is not held for this booking")]
    NotHeld,
    #[error("it is sold")]
    Sold,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Seat {
    held: Option<Uuid>,
    sold: bool,
    released: BTreeSet<Uuid>,
}

impl Decider for Seat {
    const CATEGORY: &'static str = "seat";
    const STATE_FORMAT: u32 = 1;
    type Id = Uuid;
    type Command = SeatCommand;
    type Event = SeatEvent;
    type Rejection = SeatRejection;

    fn decide(&self, command: SeatCommand) -> Result<Vec<SeatEvent>, SeatRejection> {
        let held_for = |booking| self.held == Some(booking);
        match command {
            SeatCommand::Hold { booking, .. } if held_for(booking) => Ok(vec![]),
            SeatCommand::Hold { booking, .. } if self.released.contains(&booking) => Err(SeatRejection::Over),
            SeatCommand::Hold { .. } if self.held.is_some() => Err(SeatRejection::Taken),
            SeatCommand::Hold { booking, card, price } => {
                Ok(vec![SeatEvent::SeatHeld { booking, card, price }])
            }
            SeatCommand::Sell { booking } if !held_for(booking) => Err(SeatRejection::NotHeld),
            SeatCommand::Sell { .. } if self.sold => Ok(vec![]),
            SeatCommand::Sell { booking } => Ok(vec![SeatEvent::SeatSold { booking }]),
            SeatCommand::Release { booking } if !held_for(booking) => Ok(vec![]),
            SeatCommand::Release { .. } if self.sold => Err(SeatRejection::Sold),
            SeatCommand::Release { booking } => Ok(vec![SeatEvent::SeatReleased { booking }]),
        }
    }

    fn evolve(mut self, event: SeatEvent) -> Self {
        match event {
            SeatEvent::SeatHeld { booking, .. } => self.held = Some(booking),
            SeatEvent::SeatSold { .. } => self.sold = true,
            SeatEvent::SeatReleased { booking } => {
                self.held = None;
                self.released.insert(booking);
            }
        }
        self
    }
}
