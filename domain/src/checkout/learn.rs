//! What is new in what a checkout learns. Answers come in any order, twice, late, and from somebody who was not asked:
//! what it knows, and what it no longer needs, is stepped over.

use std::fmt::Display;

use super::phase::{Phase, Then};
use super::step::{Answer, Standing};
use super::{Answered, Begin, Checkout, CheckoutCommand, CheckoutEvent, Outcome, Step};
use crate::value::{Participant, Text};

impl Checkout {
    /// What is new in what it learns.
    pub(super) fn learn(&self, command: CheckoutCommand) -> Vec<CheckoutEvent> {
        match command {
            CheckoutCommand::Begin(begin) => self.begin(begin),
            CheckoutCommand::Answered { step, answer } => match answer {
                Answered::Held { amount } => self.held(step, amount),
                Answered::Refused { amount, reason } => self.refused(step, amount, reason),
                Answered::GivenBack => self.given_back(&step),
                Answered::Settled => self.settled(step),
            },
            CheckoutCommand::OrderConfirmed => self.order_confirmed(),
            CheckoutCommand::OrderRejected => self.order_ended(Outcome::Rejected),
            CheckoutCommand::OrderCancelled => self.order_ended(Outcome::Cancelled),
            CheckoutCommand::OrderShipped => self.order_shipped(),
            CheckoutCommand::DeadlinePassed => self.deadline_passed(),
            CheckoutCommand::Abandon { reason } => self.abandoned(reason),
        }
    }

    fn begin(&self, begin: Begin) -> Vec<CheckoutEvent> {
        if self.phase != Phase::NotBegun {
            return vec![];
        }
        let Begin { user_id, total, articles, participants, placed, deadline } = begin;
        vec![CheckoutEvent::CheckoutStarted { user_id, total, articles, participants, placed, deadline }]
    }

    fn held(&self, step: Step, amount: u64) -> Vec<CheckoutEvent> {
        let Some(standing) = self.steps.get(&step) else { return vec![] };
        if let (Step::Participant(participant), true) = (&step, self.phase.is_refusal()) {
            return late(standing, participant);
        }
        let enough = standing.asked.is_some_and(|asked| step.is_enough(amount, asked));
        let news = self.is_asking() && standing.answer.is_none() && enough;
        news.then_some(CheckoutEvent::CheckoutStepHeld { step }).into_iter().collect()
    }

    fn refused(&self, step: Step, amount: u64, reason: Text) -> Vec<CheckoutEvent> {
        let Some(standing) = self.steps.get(&step) else { return vec![] };
        let meant = !step.is_ours() || standing.asked == Some(amount);
        if !self.is_asking() || standing.answer.is_some() || !meant {
            return vec![];
        }
        // Also what was refused is released: the release is recorded, and can be waited for.
        let void_all_but = (!step.is_ours()).then_some(&step);
        let failed = self.failed(format!("{}: {reason}", step.in_words()), void_all_but);
        vec![CheckoutEvent::CheckoutStepRefused { step, reason }, failed]
    }

    fn given_back(&self, step: &Step) -> Vec<CheckoutEvent> {
        if !self.cares_for(step, |standing| standing.given_back) {
            return vec![];
        }
        let mut events = vec![CheckoutEvent::CheckoutStepGivenBack { step: step.clone() }];
        let held = self.steps.get(step).is_some_and(|standing| standing.answer == Some(Answer::Held));
        // Somebody else let it go: what is not held must not be confirmed.
        if held && (self.is_asking() || self.phase == Phase::Confirming) {
            let because = format!("{}: what was reserved for the order was released", step.in_words());
            events.push(self.failed(because, Some(step)));
        }
        events
    }

    fn settled(&self, step: Step) -> Vec<CheckoutEvent> {
        let news = self.cares_for(&step, |standing| standing.settled);
        news.then_some(CheckoutEvent::CheckoutStepSettled { step }).into_iter().collect()
    }

    fn order_confirmed(&self) -> Vec<CheckoutEvent> {
        if self.confirmed {
            return vec![];
        }
        match &self.phase {
            Phase::Asking { .. }
            | Phase::Confirming
            | Phase::GivingBack { then: Then::Refuse { .. } }
            | Phase::Rejecting { .. } => vec![CheckoutEvent::CheckoutConfirmed {}],
            // Nobody waited for the rejection, and somebody was faster: nothing is held for the order.
            Phase::Ended { outcome: Outcome::Abandoned } => {
                let reason = Text::clipped("deadline: given up by hand");
                vec![CheckoutEvent::CheckoutConfirmed {}, CheckoutEvent::CheckoutCancelling { reason }]
            }
            Phase::NotBegun
            | Phase::Confirmed
            | Phase::GivingBack { then: Then::End { .. } }
            | Phase::Cancelling
            | Phase::Shipping
            | Phase::Ended { .. } => vec![],
        }
    }

    fn order_ended(&self, outcome: Outcome) -> Vec<CheckoutEvent> {
        match &self.phase {
            Phase::Asking { .. } | Phase::Confirming | Phase::Confirmed => {
                vec![CheckoutEvent::CheckoutWithdrawn { outcome, give_back: self.to_give_back(None) }]
            }
            Phase::GivingBack { then: Then::Refuse { .. } } => {
                vec![CheckoutEvent::CheckoutWithdrawn { outcome, give_back: vec![] }]
            }
            Phase::Rejecting { .. } | Phase::Cancelling => {
                vec![CheckoutEvent::CheckoutEnded { outcome }]
            }
            Phase::NotBegun
            | Phase::GivingBack { then: Then::End { .. } }
            | Phase::Shipping
            | Phase::Ended { .. } => vec![],
        }
    }

    fn order_shipped(&self) -> Vec<CheckoutEvent> {
        match &self.phase {
            Phase::NotBegun | Phase::Shipping | Phase::Ended { .. } => vec![],
            Phase::Asking { .. }
            | Phase::Confirming
            | Phase::Confirmed
            | Phase::GivingBack { .. }
            | Phase::Rejecting { .. }
            | Phase::Cancelling => {
                vec![CheckoutEvent::CheckoutShipping { settle: self.unsettled() }]
            }
        }
    }

    fn deadline_passed(&self) -> Vec<CheckoutEvent> {
        let Phase::Asking { placed, deadline } = self.phase else { return vec![] };
        let silent = some_of(&self.unanswered());
        let because = format!("deadline: no answer from {silent} within {}", deadline - placed);
        vec![CheckoutEvent::CheckoutDeadlinePassed {}, self.failed(because, None)]
    }

    fn abandoned(&self, reason: Text) -> Vec<CheckoutEvent> {
        let follows = match &self.phase {
            Phase::NotBegun | Phase::Confirmed | Phase::Ended { .. } => return vec![],
            Phase::Asking { .. } | Phase::Confirming => {
                vec![self.failed(format!("deadline: given up by hand: {reason}"), None)]
            }
            Phase::GivingBack { then: Then::Refuse { reason } } => {
                vec![self.refusing(reason), ended(Outcome::Abandoned)]
            }
            Phase::GivingBack { then: Then::End { .. } } | Phase::Rejecting { .. } | Phase::Cancelling => {
                vec![ended(Outcome::Abandoned)]
            }
            Phase::Shipping => vec![ended(Outcome::Shipped)],
        };
        [CheckoutEvent::CheckoutAbandoned { reason }].into_iter().chain(follows).collect()
    }

    fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking { .. })
    }

    /// Whether it can still matter that a step gave back or settled, and is not noted. It happens once, so it is noted
    /// even before the checkout begins: nobody would say it again.
    fn cares_for(&self, step: &Step, is_noted: impl Fn(&Standing) -> bool) -> bool {
        match &self.phase {
            Phase::Ended { .. } => false,
            Phase::NotBegun => step.is_ours() && !self.steps.get(step).is_some_and(is_noted),
            Phase::Asking { .. }
            | Phase::Confirming
            | Phase::Confirmed
            | Phase::GivingBack { .. }
            | Phase::Rejecting { .. }
            | Phase::Cancelling
            | Phase::Shipping => {
                step.is_ours() && self.steps.get(step).is_some_and(|standing| !is_noted(standing))
            }
        }
    }

    fn failed(&self, because: impl Display, without: Option<&Step>) -> CheckoutEvent {
        CheckoutEvent::CheckoutFailed {
            reason: Text::clipped(because),
            give_back: self.to_give_back(without),
        }
    }

    fn to_give_back(&self, without: Option<&Step>) -> Vec<Step> {
        self.steps_where(|step, standing| {
            let may_hold =
                if step.is_ours() { !standing.given_back } else { standing.answer != Some(Answer::Refused) };
            may_hold && Some(step) != without
        })
    }
}

impl Phase {
    /// Whether the order comes, or came, to nothing.
    fn is_refusal(&self) -> bool {
        match self {
            Self::GivingBack { .. } | Self::Rejecting { .. } | Self::Cancelling => true,
            Self::Ended { outcome } => *outcome != Outcome::Shipped,
            Self::NotBegun | Self::Asking { .. } | Self::Confirming | Self::Confirmed | Self::Shipping => {
                false
            }
        }
    }
}

/// A participant agrees when it is too late. It was told to void, but perhaps before it was asked.
fn late(standing: &Standing, participant: &Participant) -> Vec<CheckoutEvent> {
    let news = standing.answer != Some(Answer::Held);
    let participant = participant.clone();
    news.then_some(CheckoutEvent::CheckoutVoiding { participant }).into_iter().collect()
}

fn ended(outcome: Outcome) -> CheckoutEvent {
    CheckoutEvent::CheckoutEnded { outcome }
}

/// A few of them in words, and how many more.
fn some_of(steps: &[Step]) -> String {
    const FEW: usize = 3;
    let few: Vec<_> = steps.iter().take(FEW).map(Step::in_words).collect();
    match steps.len().saturating_sub(FEW) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}
