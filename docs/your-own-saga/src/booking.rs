//! A booking: a held seat is paid for and sold, or it is free again and nothing is paid.

use std::convert::Infallible;

use event_model::{
    Deadline, Decider, EntityName, Event, Outgoing, Progress, Recorded, Request, Routed, Saga, Unreadable,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::gift_card::{GiftCard, GiftCardEvent};
use crate::seat::{Seat, SeatEvent};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BookingEvent {
    BookingBegun {
        seat: Uuid,
        card: Uuid,
        price: u64,
        #[serde(with = "time::serde::rfc3339")]
        pay_by: OffsetDateTime,
    },
    BookingPaid {
        seat: Uuid,
    },
    BookingFailed {
        seat: Uuid,
        card: Uuid,
        reason: String,
    },
    BookingRefunded {
        seat: Uuid,
    },
    BookingEnded {
        outcome: String,
    },
}

impl Event for BookingEvent {
    const TYPES: &'static [&'static str] =
        &["booking-begun", "booking-paid", "booking-failed", "booking-refunded", "booking-ended"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::BookingBegun { .. } => "booking-begun",
            Self::BookingPaid { .. } => "booking-paid",
            Self::BookingFailed { .. } => "booking-failed",
            Self::BookingRefunded { .. } => "booking-refunded",
            Self::BookingEnded { .. } => "booking-ended",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum BookingCommand {
    Begin { seat: Uuid, card: Uuid, price: u64, pay_by: OffsetDateTime },
    Redeemed,
    Refunded,
    Sold,
    Released,
    GiveUp { reason: String },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Booking {
    #[default]
    NotBegun,
    Paying {
        seat: Uuid,
        card: Uuid,
    },
    Selling,
    Refunding {
        seat: Uuid,
    },
    Releasing,
    Ended {
        outcome: String,
    },
}

impl Decider for Booking {
    const CATEGORY: &'static str = "booking";
    const STATE_FORMAT: u32 = 1;
    type Id = Uuid;
    type Command = BookingCommand;
    type Event = BookingEvent;
    type Rejection = Infallible;

    fn decide(&self, command: BookingCommand) -> Result<Vec<BookingEvent>, Infallible> {
        use BookingCommand::{Begin, GiveUp, Redeemed, Refunded, Released, Sold};
        let ended = |outcome: &str| BookingEvent::BookingEnded { outcome: outcome.to_owned() };
        Ok(match (command, self) {
            (Begin { seat, card, price, pay_by }, Self::NotBegun) => {
                vec![BookingEvent::BookingBegun { seat, card, price, pay_by }]
            }
            (Redeemed, Self::Paying { seat, .. }) => vec![BookingEvent::BookingPaid { seat: *seat }],
            (GiveUp { reason }, Self::Paying { seat, card }) => {
                vec![BookingEvent::BookingFailed { seat: *seat, card: *card, reason }]
            }
            (Refunded, Self::Refunding { seat }) => vec![BookingEvent::BookingRefunded { seat: *seat }],
            (Sold, Self::Selling) => vec![ended("sold")],
            (Released, Self::Releasing) => vec![ended("released")],
            // It knows that already, or it is too late for it.
            (Begin { .. } | Redeemed | GiveUp { .. } | Refunded | Sold | Released, _) => vec![],
        })
    }

    fn evolve(self, event: BookingEvent) -> Self {
        match event {
            BookingEvent::BookingBegun { seat, card, .. } => Self::Paying { seat, card },
            BookingEvent::BookingPaid { .. } => Self::Selling,
            BookingEvent::BookingFailed { seat, .. } => Self::Refunding { seat },
            BookingEvent::BookingRefunded { .. } => Self::Releasing,
            BookingEvent::BookingEnded { outcome } => Self::Ended { outcome },
        }
    }
}

/// The deadline by which a booking is to be paid.
const PAYMENT: &str = "payment";

#[derive(Debug, Clone)]
pub(crate) struct BookingSettings {
    pub(crate) to_pay: Duration,
}

impl Saga for Booking {
    type Settings = BookingSettings;

    fn route(event: &Recorded, settings: &BookingSettings) -> Result<Routed<Self>, Unreadable> {
        Ok(match event.entity.category.as_str() {
            Seat::CATEGORY => match event.decode()? {
                SeatEvent::SeatHeld { booking, card, price } => {
                    let Ok(seat) = event.entity.id.parse() else { return Ok(None) };
                    let pay_by = event.time + settings.to_pay;
                    Some((booking, BookingCommand::Begin { seat, card, price, pay_by }))
                }
                SeatEvent::SeatSold { booking } => Some((booking, BookingCommand::Sold)),
                SeatEvent::SeatReleased { booking } => Some((booking, BookingCommand::Released)),
            },
            GiftCard::CATEGORY => match event.decode()? {
                GiftCardEvent::GiftCardIssued { .. } => None,
                GiftCardEvent::GiftCardRedeemed { booking, .. } => Some((booking, BookingCommand::Redeemed)),
                GiftCardEvent::GiftCardRefused { booking, left } => {
                    Some((booking, BookingCommand::GiveUp { reason: format!("only {left} left") }))
                }
                GiftCardEvent::GiftCardRefunded { booking, .. } => Some((booking, BookingCommand::Refunded)),
            },
            _ => None,
        })
    }

    fn send(booking: &Uuid, event: &BookingEvent) -> Vec<Outgoing> {
        let to_seat = |seat: &Uuid, command| {
            let body = [("booking", json!(booking))];
            request(EntityName::new(Seat::CATEGORY, seat), command, body)
        };
        match event {
            BookingEvent::BookingBegun { card, price, pay_by, .. } => {
                let body = [("booking", json!(booking)), ("amount", json!(price))];
                let redeem = request(EntityName::new(GiftCard::CATEGORY, card), "redeem", body);
                vec![redeem, Outgoing::Deadline(Deadline { name: PAYMENT, at: *pay_by })]
            }
            BookingEvent::BookingPaid { seat } => vec![to_seat(seat, "sell")],
            BookingEvent::BookingFailed { card, .. } => {
                let body = [("booking", json!(booking))];
                vec![request(EntityName::new(GiftCard::CATEGORY, card), "refund", body)]
            }
            BookingEvent::BookingRefunded { seat } => vec![to_seat(seat, "release")],
            BookingEvent::BookingEnded { .. } => vec![],
        }
    }

    fn expire(deadline: &str) -> Option<BookingCommand> {
        (deadline == PAYMENT).then(|| BookingCommand::GiveUp { reason: "not paid in time".to_owned() })
    }

    fn abandon(reason: &str) -> BookingCommand {
        BookingCommand::GiveUp { reason: reason.to_owned() }
    }

    fn progress(&self) -> Progress {
        let waits_for = |whom: &str| Progress::Running { waits_for: vec![whom.to_owned()] };
        match self {
            Self::NotBegun => Progress::NotBegun,
            Self::Paying { .. } | Self::Refunding { .. } => waits_for("gift card"),
            Self::Selling | Self::Releasing => waits_for("seat"),
            Self::Ended { outcome } => Progress::Done { outcome: outcome.clone() },
        }
    }
}

fn request<const N: usize>(entity: EntityName, command: &'static str, body: [(&str, Value); N]) -> Outgoing {
    let body: Map<_, _> = body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Outgoing::Request(Request { entity, command, body })
}

#[cfg(test)]
mod tests {
    use event_model::{Position, Version, given};

    use super::{BookingCommand::*, BookingEvent::*, *};

    const SEAT: Uuid = Uuid::from_u128(1);
    const CARD: Uuid = Uuid::from_u128(2);
    const BOOKING: Uuid = Uuid::from_u128(3);
    const PAY_BY: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn begun() -> BookingEvent {
        BookingBegun { seat: SEAT, card: CARD, price: 30, pay_by: PAY_BY }
    }

    fn failed(reason: &str) -> BookingEvent {
        BookingFailed { seat: SEAT, card: CARD, reason: reason.to_owned() }
    }

    #[test]
    fn what_is_paid_is_sold() {
        let begin = Begin { seat: SEAT, card: CARD, price: 30, pay_by: PAY_BY };
        given::<Booking>([]).when(begin.clone()).then([begun()]);
        given::<Booking>([begun()]).when(begin).then_nothing();
        given::<Booking>([begun()]).when(Redeemed).then([BookingPaid { seat: SEAT }]);
        let paid = [begun(), BookingPaid { seat: SEAT }];
        given::<Booking>(paid.clone()).when(Redeemed).then_nothing();
        given::<Booking>(paid).when(Sold).then([BookingEnded { outcome: "sold".to_owned() }]);
    }

    #[test]
    fn what_is_not_paid_is_refunded_and_then_released() {
        let too_late = Booking::expire(PAYMENT).unwrap();
        given::<Booking>([begun()]).when(too_late.clone()).then([failed("not paid in time")]);
        // Once it is paid it is too late to give it up, and once it has failed too late to pay.
        given::<Booking>([begun(), BookingPaid { seat: SEAT }]).when(too_late).then_nothing();
        let mut history = vec![begun(), failed("not paid in time")];
        given::<Booking>(history.clone()).when(Redeemed).then_nothing();
        given::<Booking>(history.clone()).when(Released).then_nothing();
        given::<Booking>(history.clone()).when(Refunded).then([BookingRefunded { seat: SEAT }]);
        history.push(BookingRefunded { seat: SEAT });
        given::<Booking>(history).when(Released).then([BookingEnded { outcome: "released".to_owned() }]);
    }

    #[test]
    fn a_held_seat_begins_it_and_the_card_is_asked() {
        let held = Recorded {
            id: Uuid::from_u128(4),
            entity: EntityName::new(Seat::CATEGORY, SEAT),
            event_type: "seat-held".to_owned(),
            position: Position::new(1),
            version: Some(Version::new(1)),
            time: OffsetDateTime::UNIX_EPOCH,
            causation_id: None,
            correlation_id: None,
            part: None,
            actor: None,
            traceparent: None,
            data: json!({ "booking": BOOKING, "card": CARD, "price": 30 }).to_string().into(),
        };
        let settings = BookingSettings { to_pay: Duration::ZERO };
        let (id, command) = Booking::route(&held, &settings).unwrap().unwrap();
        assert_eq!(id, BOOKING);
        given::<Booking>([]).when(command).then([begun()]);

        let card = EntityName::new(GiftCard::CATEGORY, CARD);
        let redeem = request(card, "redeem", [("booking", json!(BOOKING)), ("amount", json!(30))]);
        let by = Outgoing::Deadline(Deadline { name: "payment", at: PAY_BY });
        assert_eq!(Booking::send(&BOOKING, &begun()), [redeem, by]);
    }
}
