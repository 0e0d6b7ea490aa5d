//! Where a checkout stands, and what follows from that.

use event_model::Progress;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::step::{Answer, Standing};
use super::{Checkout, CheckoutEvent, Outcome, Step};
use crate::value::Text;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    #[default]
    NotBegun,
    /// Waits for answers.
    Asking {
        #[serde(with = "time::serde::rfc3339")]
        placed: OffsetDateTime,
        #[serde(with = "time::serde::rfc3339")]
        deadline: OffsetDateTime,
    },
    /// All is held; waits for the order.
    Confirming,
    /// Waits for nothing, until the order is shipped or cancelled.
    Confirmed,
    /// Waits for the answers to the releases.
    GivingBack {
        then: Then,
    },
    /// All is given back; waits for the order.
    Rejecting {
        reason: Text,
    },
    /// All is given back; waits for the order.
    Cancelling,
    /// Waits until all is used up.
    Shipping,
    Ended {
        outcome: Outcome,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Then {
    /// The order still has to come to nothing.
    Refuse { reason: Text },
    /// It did.
    End { outcome: Outcome },
}

impl Checkout {
    /// What follows from where it stands; nothing while it has to wait.
    pub(super) fn next(&self) -> Option<CheckoutEvent> {
        match &self.phase {
            Phase::Asking { .. } => {
                (!self.confirmed && self.all_held()).then_some(CheckoutEvent::CheckoutConfirming {})
            }
            Phase::GivingBack { then } if self.holding().is_empty() => Some(match then {
                Then::Refuse { reason } => self.refusing(reason),
                Then::End { outcome } => CheckoutEvent::CheckoutEnded { outcome: *outcome },
            }),
            Phase::Rejecting { reason } if self.confirmed => Some(self.refusing(reason)),
            Phase::Shipping if self.unsettled().is_empty() => {
                Some(CheckoutEvent::CheckoutEnded { outcome: Outcome::Shipped })
            }
            Phase::NotBegun
            | Phase::Confirming
            | Phase::Confirmed
            | Phase::GivingBack { .. }
            | Phase::Rejecting { .. }
            | Phase::Cancelling
            | Phase::Shipping
            | Phase::Ended { .. } => None,
        }
    }

    pub(super) fn how_far(&self) -> Progress {
        let words = |steps: Vec<Step>| steps.iter().map(Step::in_words).collect();
        let waits_for = match &self.phase {
            Phase::NotBegun => return Progress::NotBegun,
            Phase::Confirmed => return Progress::Done { outcome: "confirmed".to_owned() },
            Phase::Ended { outcome } => return Progress::Done { outcome: outcome.to_string() },
            Phase::Asking { .. } => words(self.unanswered()),
            Phase::Confirming | Phase::Rejecting { .. } | Phase::Cancelling => vec!["order".to_owned()],
            Phase::GivingBack { .. } => words(self.holding()),
            Phase::Shipping => words(self.unsettled()),
        };
        Progress::Running { waits_for }
    }

    /// The order is to come to nothing: a confirmed one can be cancelled, and no longer be rejected.
    pub(super) fn refusing(&self, reason: &Text) -> CheckoutEvent {
        let reason = reason.clone();
        if self.confirmed {
            CheckoutEvent::CheckoutCancelling { reason }
        } else {
            CheckoutEvent::CheckoutRejecting { reason }
        }
    }

    /// Who was asked and did not answer.
    pub(super) fn unanswered(&self) -> Vec<Step> {
        self.steps_where(|_, standing| standing.answer.is_none())
    }

    /// Who has not yet said that it holds nothing any more.
    pub(super) fn holding(&self) -> Vec<Step> {
        self.steps_where(|step, standing| step.is_ours() && !standing.given_back)
    }

    /// Who has not yet used up what it holds.
    pub(super) fn unsettled(&self) -> Vec<Step> {
        self.steps_where(|step, standing| step.is_ours() && !standing.settled)
    }

    pub(super) fn steps_where(&self, wanted: impl Fn(&Step, &Standing) -> bool) -> Vec<Step> {
        let wanted = self.steps.iter().filter(|(step, standing)| wanted(step, standing));
        wanted.map(|(step, _)| step.clone()).collect()
    }

    /// These are asked for so much; what was noted of others before was not about this order.
    pub(super) fn ask(&mut self, asked: impl Iterator<Item = (Step, u64)>) {
        for (step, amount) in asked {
            self.at(step).asked = Some(amount);
        }
        self.steps.retain(|_, standing| standing.asked.is_some());
    }

    pub(super) fn at(&mut self, step: Step) -> &mut Standing {
        self.steps.entry(step).or_default()
    }

    pub(super) fn done_if_held_and_confirmed(&mut self) {
        let waits = matches!(self.phase, Phase::Asking { .. } | Phase::Confirming);
        if waits && self.confirmed && self.all_held() {
            self.phase = Phase::Confirmed;
        }
    }

    fn all_held(&self) -> bool {
        self.steps.values().all(|standing| standing.answer == Some(Answer::Held))
    }
}
