//! What a checkout sends for each of its intents, and what it learns when nobody answers.

use event_model::{Deadline, Outgoing, Progress, Recorded, Request, Routed, Saga, Unreadable};

use super::{Checkout, CheckoutCommand, CheckoutEvent, CheckoutSettings, Step, route};
use crate::requests;
use crate::value::{OrderId, Text};

/// The deadline by which all have to answer.
const ANSWERS: &str = "answers";

impl Saga for Checkout {
    type Settings = CheckoutSettings;

    fn route(event: &Recorded, settings: &CheckoutSettings) -> Result<Routed<Self>, Unreadable> {
        route::route(event, settings)
    }

    fn send(id: &OrderId, event: &CheckoutEvent) -> Vec<Outgoing> {
        match event {
            CheckoutEvent::CheckoutStarted { user_id, total, articles, participants, deadline, .. } => {
                let credit = requests::reserve_credit(*user_id, *id, *total);
                let stock = articles.iter().map(|of| requests::reserve_stock(&of.sku, *id, of.quantity));
                let others = participants.iter().map(|who| requests::authorise(who, *id, *user_id, *total));
                let asked = [credit].into_iter().chain(stock).chain(others).map(Outgoing::Request);
                asked.chain([Outgoing::Deadline(Deadline { name: ANSWERS, at: *deadline })]).collect()
            }
            CheckoutEvent::CheckoutFailed { give_back, .. }
            | CheckoutEvent::CheckoutWithdrawn { give_back, .. } => to_each(give_back, |step| match step {
                Step::Credit(user_id) => Some(requests::release_credit(*user_id, *id)),
                Step::Stock(sku) => Some(requests::release_stock(sku, *id)),
                Step::Participant(participant) => Some(requests::void(participant, *id)),
            }),
            CheckoutEvent::CheckoutShipping { settle } => to_each(settle, |step| match step {
                Step::Credit(user_id) => Some(requests::capture_credit(*user_id, *id)),
                Step::Stock(sku) => Some(requests::ship_stock(sku, *id)),
                Step::Participant(_) => None,
            }),
            CheckoutEvent::CheckoutVoiding { participant } => one(requests::void(participant, *id)),
            CheckoutEvent::CheckoutConfirming {} => one(requests::confirm_order(*id)),
            CheckoutEvent::CheckoutRejecting { reason } => one(requests::reject_order(*id, reason)),
            CheckoutEvent::CheckoutCancelling { reason } => one(requests::cancel_order(*id, reason.as_str())),
            CheckoutEvent::CheckoutStepHeld { .. }
            | CheckoutEvent::CheckoutStepRefused { .. }
            | CheckoutEvent::CheckoutDeadlinePassed {}
            | CheckoutEvent::CheckoutAbandoned { .. }
            | CheckoutEvent::CheckoutConfirmed {}
            | CheckoutEvent::CheckoutStepGivenBack { .. }
            | CheckoutEvent::CheckoutStepSettled { .. }
            | CheckoutEvent::CheckoutEnded { .. } => vec![],
        }
    }

    fn expire(deadline: &str) -> Option<CheckoutCommand> {
        (deadline == ANSWERS).then_some(CheckoutCommand::DeadlinePassed)
    }

    fn abandon(reason: &str) -> CheckoutCommand {
        CheckoutCommand::Abandon { reason: Text::clipped(reason) }
    }

    fn progress(&self) -> Progress {
        self.how_far()
    }
}

fn one(request: Request) -> Vec<Outgoing> {
    vec![Outgoing::Request(request)]
}

fn to_each(steps: &[Step], request: impl Fn(&Step) -> Option<Request>) -> Vec<Outgoing> {
    steps.iter().filter_map(request).map(Outgoing::Request).collect()
}
