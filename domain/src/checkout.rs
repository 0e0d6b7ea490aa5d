//! A checkout: from a placed order to a confirmed one, and on until it is shipped, or given back.
//!
//! It asks for credit, stock and whatever else has a say, all at once, and confirms the order when all is set aside. When
//! one of them refuses or is silent for too long, everything is given back, also by those that did not answer yet: a
//! release that overtakes its reserve is recorded, and the reserve then refused. So the answer to a release can be waited
//! for, whatever becomes of the reserve, and nothing is held for an order that came to nothing.
//!
//! - `step`: who is asked, and how each stands
//! - `event`: what it sets out to do, and what it notes
//! - `phase`: where it stands, and what follows from that
//! - `learn`: what is new in what it learns
//! - `machine`: all of that as a picture
//! - `route`, `send`: what it learns from which event, and what it sends for which of its own

mod event;
mod learn;
mod machine;
mod phase;
mod route;
mod send;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;

use event_model::Decider;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use event::{CheckoutEvent, Needed, Outcome};
pub use route::CheckoutSettings;
pub use step::Step;

use crate::value::{Amount, OrderId, Participant, Text, UserId};
use phase::{Phase, Then};
use step::{Answer, Standing};

/// The checkout of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    phase: Phase,
    /// Whether the order is confirmed, by whomever.
    confirmed: bool,
    steps: BTreeMap<Step, Standing>,
}

/// What a checkout learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutCommand {
    /// The order was placed.
    Begin(Begin),
    /// One of those that were asked has answered.
    Answered {
        /// Who.
        step: Step,
        /// What.
        answer: Answered,
    },
    /// The order is confirmed.
    OrderConfirmed,
    /// The order is rejected.
    OrderRejected,
    /// The order is cancelled.
    OrderCancelled,
    /// The order is shipped.
    OrderShipped,
    /// The time to answer is over.
    DeadlinePassed,
    /// An operator gives it up. While it gives back already, it then no longer waits for that: the one command that
    /// counts each time.
    Abandon {
        /// Why, for people.
        reason: Text,
    },
}

/// What an order needs, and by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// Whose credit.
    pub user_id: UserId,
    /// How much of it.
    pub total: Amount,
    /// How many of each article, each article once.
    pub articles: Vec<Needed>,
    /// Who else is asked.
    pub participants: Vec<Participant>,
    /// When the order was placed.
    pub placed: OffsetDateTime,
    /// By when all have to answer.
    pub deadline: OffsetDateTime,
}

/// What one of them answers. An amount other than what was asked for is the answer to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is set aside.
    Held {
        /// How much.
        amount: u64,
    },
    /// It is not.
    Refused {
        /// How much was asked for.
        amount: u64,
        /// Why, for people.
        reason: Text,
    },
    /// It is set aside no more, and never will be.
    GivenBack,
    /// It is used up.
    Settled,
}

impl Decider for Checkout {
    const CATEGORY: &'static str = "checkout";
    const STATE_FORMAT: u32 = 1;
    type Id = OrderId;
    type Command = CheckoutCommand;
    type Event = CheckoutEvent;
    /// A saga refuses nothing: what it cannot use it steps over.
    type Rejection = Infallible;

    fn decide(&self, command: CheckoutCommand) -> Result<Vec<CheckoutEvent>, Infallible> {
        let mut events = self.learn(command);
        if !events.is_empty() {
            let mut after = events.iter().cloned().fold(self.clone(), Self::evolve);
            while let Some(event) = after.next() {
                after = after.evolve(event.clone());
                events.push(event);
            }
        }
        Ok(events)
    }

    fn evolve(mut self, event: CheckoutEvent) -> Self {
        match event {
            CheckoutEvent::CheckoutStarted { user_id, total, articles, participants, placed, deadline } => {
                let credit = [(Step::Credit(user_id), total.get())].into_iter();
                let stock = articles.into_iter().map(|of| (Step::Stock(of.sku), of.quantity.get()));
                let others = participants.into_iter().map(|who| (Step::Participant(who), total.get()));
                self.ask(credit.chain(stock).chain(others));
                self.phase = Phase::Asking { placed, deadline };
            }
            CheckoutEvent::CheckoutStepHeld { step } => {
                self.at(step).answer = Some(Answer::Held);
                self.done_if_held_and_confirmed();
            }
            CheckoutEvent::CheckoutStepRefused { step, .. } => self.at(step).answer = Some(Answer::Refused),
            CheckoutEvent::CheckoutDeadlinePassed {} | CheckoutEvent::CheckoutAbandoned { .. } => {}
            CheckoutEvent::CheckoutFailed { reason, .. } => {
                self.phase = Phase::GivingBack { then: Then::Refuse { reason } };
            }
            CheckoutEvent::CheckoutConfirming {} => self.phase = Phase::Confirming,
            CheckoutEvent::CheckoutConfirmed {} => {
                self.confirmed = true;
                self.done_if_held_and_confirmed();
            }
            CheckoutEvent::CheckoutWithdrawn { outcome, .. } => {
                self.phase = Phase::GivingBack { then: Then::End { outcome } };
            }
            CheckoutEvent::CheckoutStepGivenBack { step } => self.at(step).given_back = true,
            CheckoutEvent::CheckoutVoiding { participant } => {
                self.at(Step::Participant(participant)).answer = Some(Answer::Held);
            }
            CheckoutEvent::CheckoutRejecting { reason } => self.phase = Phase::Rejecting { reason },
            CheckoutEvent::CheckoutCancelling { .. } => self.phase = Phase::Cancelling,
            CheckoutEvent::CheckoutShipping { .. } => self.phase = Phase::Shipping,
            CheckoutEvent::CheckoutStepSettled { step } => self.at(step).settled = true,
            CheckoutEvent::CheckoutEnded { outcome } => {
                // Only a participant can still say something new.
                self.steps.retain(|step, _| !step.is_ours());
                self.phase = Phase::Ended { outcome };
            }
        }
        self
    }
}
