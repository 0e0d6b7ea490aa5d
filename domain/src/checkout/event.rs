//! What may happen to a checkout.

use std::fmt;

use event_model::Event;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::step::Step;
use crate::value::{Amount, Participant, Sku, Text, Units, UserId};

/// What a checkout set out to do, and what it learned. Wire names and fields are frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckoutEvent {
    /// It asks everybody to set aside what the order needs.
    ///
    /// After `order-placed`.
    CheckoutStarted {
        /// Whose credit.
        user_id: UserId,
        /// How much of it.
        total: Amount,
        /// How many of each article, each article once.
        articles: Vec<Needed>,
        /// Who else is asked.
        participants: Vec<Participant>,
        /// When the order was placed.
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(schema_with = "moment")]
        placed: OffsetDateTime,
        /// By when all have to answer.
        #[serde(with = "time::serde::rfc3339")]
        #[schemars(schema_with = "moment")]
        deadline: OffsetDateTime,
    },
    /// One of them has set it aside.
    ///
    /// After `credit-reserved`, `stock-reserved` or `<participant>-authorised`.
    CheckoutStepHeld {
        /// Who.
        step: Step,
    },
    /// One of them does not.
    ///
    /// After `credit-refused`, `stock-refused` or `<participant>-declined`.
    CheckoutStepRefused {
        /// Who.
        step: Step,
        /// Why, for people.
        #[schemars(extend("examples" = ["credit: 900 needed, 800 available"]))]
        reason: Text,
    },
    /// The time to answer is over.
    ///
    /// When not all have answered by the deadline.
    CheckoutDeadlinePassed {},
    /// An operator gave it up.
    ///
    /// By `sagas abandon`.
    CheckoutAbandoned {
        /// Why, for people.
        #[schemars(extend("examples" = ["credit: 900 needed, 800 available"]))]
        reason: Text,
    },
    /// The order cannot be confirmed: everything is to be given back.
    ///
    /// After the first refusal, the deadline, or `sagas abandon`.
    CheckoutFailed {
        /// Why, for people.
        #[schemars(extend("examples" = ["credit: 900 needed, 800 available"]))]
        reason: Text,
        /// By whom.
        give_back: Vec<Step>,
    },
    /// All is set aside: the order is to be confirmed.
    ///
    /// After the last answer that was waited for.
    CheckoutConfirming {},
    /// The order is confirmed, by the checkout or by somebody else.
    ///
    /// After `order-confirmed`.
    CheckoutConfirmed {},
    /// The order came to nothing without the checkout: everything is to be given back.
    ///
    /// After `order-rejected` or `order-cancelled` that it did not ask for.
    CheckoutWithdrawn {
        /// What became of the order.
        outcome: Outcome,
        /// Who is to give back; nobody where that is under way.
        give_back: Vec<Step>,
    },
    /// One of them has given back what it held, and will hold nothing any more.
    ///
    /// After `credit-released` or `stock-released`.
    CheckoutStepGivenBack {
        /// Who.
        step: Step,
    },
    /// A participant agreed after the end: it is told once more.
    ///
    /// After `<participant>-authorised`, when everything is given back already.
    CheckoutVoiding {
        /// Who.
        participant: Participant,
    },
    /// Everything is given back: the order is to be rejected.
    ///
    /// After the last that was to be given back.
    CheckoutRejecting {
        /// Why, for people.
        #[schemars(extend("examples" = ["credit: 900 needed, 800 available"]))]
        reason: Text,
    },
    /// Everything is given back, and somebody confirmed the order meanwhile: it is to be cancelled.
    ///
    /// After the last that was to be given back.
    CheckoutCancelling {
        /// Why, for people.
        #[schemars(extend("examples" = ["credit: 900 needed, 800 available"]))]
        reason: Text,
    },
    /// The order was shipped: what is set aside is to be used up.
    ///
    /// After `order-shipped`.
    CheckoutShipping {
        /// By whom.
        settle: Vec<Step>,
    },
    /// One of them has used up what it held.
    ///
    /// After `credit-captured` or `stock-shipped`.
    CheckoutStepSettled {
        /// Who.
        step: Step,
    },
    /// Nothing is waited for any more.
    ///
    /// After the last that was waited for.
    CheckoutEnded {
        /// What came of it.
        outcome: Outcome,
    },
}

/// How many of an article an order needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Needed {
    /// Which article.
    pub sku: Sku,
    /// How many, summed over the order's lines.
    pub quantity: Units,
}

/// What came of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The order was rejected.
    Rejected,
    /// The order was cancelled.
    Cancelled,
    /// The order was shipped, and all is used up.
    Shipped,
    /// An operator ended it.
    Abandoned,
}

impl Outcome {
    /// The word for it, frozen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Shipped => "shipped",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "examples": ["2026-03-02T09:15:27.104Z"]})
}

impl Event for CheckoutEvent {
    const TYPES: &'static [&'static str] = &[
        "checkout-started",
        "checkout-step-held",
        "checkout-step-refused",
        "checkout-deadline-passed",
        "checkout-abandoned",
        "checkout-failed",
        "checkout-confirming",
        "checkout-confirmed",
        "checkout-withdrawn",
        "checkout-step-given-back",
        "checkout-voiding",
        "checkout-rejecting",
        "checkout-cancelling",
        "checkout-shipping",
        "checkout-step-settled",
        "checkout-ended",
    ];

    fn event_type(&self) -> &'static str {
        match self {
            Self::CheckoutStarted { .. } => "checkout-started",
            Self::CheckoutStepHeld { .. } => "checkout-step-held",
            Self::CheckoutStepRefused { .. } => "checkout-step-refused",
            Self::CheckoutDeadlinePassed {} => "checkout-deadline-passed",
            Self::CheckoutAbandoned { .. } => "checkout-abandoned",
            Self::CheckoutFailed { .. } => "checkout-failed",
            Self::CheckoutConfirming {} => "checkout-confirming",
            Self::CheckoutConfirmed {} => "checkout-confirmed",
            Self::CheckoutWithdrawn { .. } => "checkout-withdrawn",
            Self::CheckoutStepGivenBack { .. } => "checkout-step-given-back",
            Self::CheckoutVoiding { .. } => "checkout-voiding",
            Self::CheckoutRejecting { .. } => "checkout-rejecting",
            Self::CheckoutCancelling { .. } => "checkout-cancelling",
            Self::CheckoutShipping { .. } => "checkout-shipping",
            Self::CheckoutStepSettled { .. } => "checkout-step-settled",
            Self::CheckoutEnded { .. } => "checkout-ended",
        }
    }
}
