//! The rules of a checkout, by example: a checkout of five tea and a cup for 900, in which payment has a say.

mod back;
mod forward;
mod wire;

use event_model::{Progress, Saga as _, given};

use super::*;
use crate::testing::sagas::{begin, started};
use crate::testing::{text, user_id};
use crate::value::Sku;

fn credit() -> Step {
    Step::Credit(user_id(7))
}

fn cup() -> Step {
    stock_of("cup")
}

fn tea() -> Step {
    stock_of("tea")
}

fn payment() -> Step {
    Step::Participant("payment".parse().unwrap())
}

fn stock_of(sku: &str) -> Step {
    Step::Stock(sku.parse::<Sku>().unwrap())
}

fn all() -> Vec<Step> {
    vec![credit(), cup(), tea(), payment()]
}

fn ours() -> Vec<Step> {
    vec![credit(), cup(), tea()]
}

/// How much the step is asked for.
fn asked(step: &Step) -> u64 {
    match step {
        Step::Stock(sku) if sku.as_str() == "cup" => 1,
        Step::Stock(_) => 5,
        Step::Credit(_) | Step::Participant(_) => 900,
    }
}

fn says(step: Step, answer: Answered) -> CheckoutCommand {
    CheckoutCommand::Answered { step, answer }
}

fn holds(step: Step) -> CheckoutCommand {
    let amount = asked(&step);
    says(step, Answered::Held { amount })
}

fn refuses(step: Step, reason: &str) -> CheckoutCommand {
    let amount = asked(&step);
    says(step, Answered::Refused { amount, reason: text(reason) })
}

fn gives_back(step: Step) -> CheckoutCommand {
    says(step, Answered::GivenBack)
}

fn settles(step: Step) -> CheckoutCommand {
    says(step, Answered::Settled)
}

fn give_up(reason: &str) -> CheckoutCommand {
    Checkout::abandon(reason)
}

fn held(step: Step) -> CheckoutEvent {
    CheckoutEvent::CheckoutStepHeld { step }
}

fn refused(step: Step, reason: &str) -> CheckoutEvent {
    CheckoutEvent::CheckoutStepRefused { step, reason: text(reason) }
}

fn failed(reason: &str, give_back: Vec<Step>) -> CheckoutEvent {
    CheckoutEvent::CheckoutFailed { reason: text(reason), give_back }
}

fn withdrawn(outcome: Outcome, give_back: Vec<Step>) -> CheckoutEvent {
    CheckoutEvent::CheckoutWithdrawn { outcome, give_back }
}

fn given_back(step: Step) -> CheckoutEvent {
    CheckoutEvent::CheckoutStepGivenBack { step }
}

fn voiding() -> CheckoutEvent {
    CheckoutEvent::CheckoutVoiding { participant: "payment".parse().unwrap() }
}

fn rejecting(reason: &str) -> CheckoutEvent {
    CheckoutEvent::CheckoutRejecting { reason: text(reason) }
}

fn cancelling(reason: &str) -> CheckoutEvent {
    CheckoutEvent::CheckoutCancelling { reason: text(reason) }
}

fn abandoned(reason: &str) -> CheckoutEvent {
    CheckoutEvent::CheckoutAbandoned { reason: text(reason) }
}

fn shipping(settle: Vec<Step>) -> CheckoutEvent {
    CheckoutEvent::CheckoutShipping { settle }
}

fn settled(step: Step) -> CheckoutEvent {
    CheckoutEvent::CheckoutStepSettled { step }
}

fn ended(outcome: Outcome) -> CheckoutEvent {
    CheckoutEvent::CheckoutEnded { outcome }
}

const CONFIRMING: CheckoutEvent = CheckoutEvent::CheckoutConfirming {};
const CONFIRMED: CheckoutEvent = CheckoutEvent::CheckoutConfirmed {};
const DEADLINE_PASSED: CheckoutEvent = CheckoutEvent::CheckoutDeadlinePassed {};
const TOO_LITTLE: &str = "credit: 900 needed, 800 available";

fn with(before: Vec<CheckoutEvent>, more: impl IntoIterator<Item = CheckoutEvent>) -> Vec<CheckoutEvent> {
    before.into_iter().chain(more).collect()
}

/// Everything is held, and the order is being told.
fn all_held() -> Vec<CheckoutEvent> {
    with(vec![started()], all().into_iter().map(held).chain([CONFIRMING]))
}

fn confirmed() -> Vec<CheckoutEvent> {
    with(all_held(), [CONFIRMED])
}

/// The credit did not suffice, nothing is given back yet.
fn failing() -> Vec<CheckoutEvent> {
    vec![started(), refused(credit(), "900 needed, 800 available"), failed(TOO_LITTLE, all())]
}

/// All is given back, and the order is being told.
fn all_given_back() -> Vec<CheckoutEvent> {
    with(failing(), ours().into_iter().map(given_back).chain([rejecting(TOO_LITTLE)]))
}

fn rejected() -> Vec<CheckoutEvent> {
    with(all_given_back(), [ended(Outcome::Rejected)])
}

/// A checkout in each of its phases but the first.
fn phases() -> Vec<Vec<CheckoutEvent>> {
    vec![
        vec![started()],
        all_held(),
        confirmed(),
        failing(),
        vec![started(), withdrawn(Outcome::Cancelled, all())],
        all_given_back(),
        with(all_given_back(), [CONFIRMED, cancelling(TOO_LITTLE)]),
        with(confirmed(), [shipping(ours())]),
        rejected(),
    ]
}
