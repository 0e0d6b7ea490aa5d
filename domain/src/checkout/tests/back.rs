//! The way back, whatever makes it necessary.

use super::*;

#[test]
fn the_first_refusal_gives_everything_back() {
    for (step, reason, because) in [
        (credit(), "900 needed, 800 available", TOO_LITTLE),
        (tea(), "5 needed, 3 available", "stock of tea: 5 needed, 3 available"),
    ] {
        let history = [started(), held(cup())];
        given::<Checkout>(history)
            .when(refuses(step.clone(), reason))
            .then([refused(step, reason), failed(because, all())]);
    }
    given::<Checkout>(failing()).when(refuses(tea(), "5 needed, 3 available")).then_nothing();
    given::<Checkout>(failing()).when(refuses(credit(), "900 needed, 800 available")).then_nothing();
}

#[test]
fn who_declines_is_not_told_to_void() {
    given::<Checkout>([started(), held(credit())])
        .when(refuses(payment(), "the card expired"))
        .then([refused(payment(), "the card expired"), failed("payment: the card expired", ours())]);
}

#[test]
fn the_order_is_rejected_once_all_is_given_back() {
    let mut history = failing();
    for step in [tea(), credit()] {
        given::<Checkout>(history.clone()).when(gives_back(step.clone())).then([given_back(step.clone())]);
        history.push(given_back(step.clone()));
        given::<Checkout>(history.clone()).when(gives_back(step)).then_nothing();
    }
    given::<Checkout>(history).when(gives_back(cup())).then([given_back(cup()), rejecting(TOO_LITTLE)]);
    given::<Checkout>(all_given_back()).when(CheckoutCommand::OrderRejected).then([ended(Outcome::Rejected)]);
    given::<Checkout>(rejected()).when(CheckoutCommand::OrderRejected).then_nothing();
}

#[test]
fn the_deadline_names_who_is_silent() {
    let why = "deadline: no answer from stock of tea, payment within 30s";
    given::<Checkout>([started(), held(credit()), held(cup())])
        .when(CheckoutCommand::DeadlinePassed)
        .then([DEADLINE_PASSED, failed(why, all())]);
    let why = "deadline: no answer from credit, stock of cup, stock of tea and 1 more within 30s";
    given::<Checkout>([started()])
        .when(CheckoutCommand::DeadlinePassed)
        .then([DEADLINE_PASSED, failed(why, all())]);
    for history in phases().into_iter().skip(1) {
        given::<Checkout>(history).when(CheckoutCommand::DeadlinePassed).then_nothing();
    }
}

#[test]
fn late_answers_change_nothing_but_a_late_payment_is_voided() {
    for history in [failing(), all_given_back(), rejected()] {
        for step in ours() {
            given::<Checkout>(history.clone()).when(holds(step.clone())).then_nothing();
            given::<Checkout>(history.clone()).when(refuses(step, "late")).then_nothing();
        }
        given::<Checkout>(history.clone()).when(refuses(payment(), "late")).then_nothing();
        given::<Checkout>(history.clone()).when(holds(payment())).then([voiding()]);
        given::<Checkout>(with(history, [voiding()])).when(holds(payment())).then_nothing();
    }
    let history = vec![started(), held(payment()), withdrawn(Outcome::Cancelled, all())];
    given::<Checkout>(history).when(holds(payment())).then_nothing();
}

#[test]
fn a_cancelled_order_gives_everything_back_and_is_not_rejected() {
    for history in [vec![started()], all_held(), confirmed()] {
        given::<Checkout>(history)
            .when(CheckoutCommand::OrderCancelled)
            .then([withdrawn(Outcome::Cancelled, all())]);
    }
    let history = with(confirmed(), [withdrawn(Outcome::Cancelled, all())]);
    given::<Checkout>(history.clone()).when(CheckoutCommand::OrderCancelled).then_nothing();
    let history = with(history, [given_back(credit()), given_back(cup())]);
    given::<Checkout>(history).when(gives_back(tea())).then([given_back(tea()), ended(Outcome::Cancelled)]);
}

#[test]
fn an_order_that_ends_while_all_is_given_back_is_not_told_again() {
    given::<Checkout>(failing())
        .when(CheckoutCommand::OrderCancelled)
        .then([withdrawn(Outcome::Cancelled, vec![])]);
    let history = with(failing(), [withdrawn(Outcome::Rejected, vec![]), given_back(credit())]);
    given::<Checkout>(with(history, [given_back(cup())]))
        .when(gives_back(tea()))
        .then([given_back(tea()), ended(Outcome::Rejected)]);
    given::<Checkout>(all_given_back())
        .when(CheckoutCommand::OrderCancelled)
        .then([ended(Outcome::Cancelled)]);
}

#[test]
fn an_order_that_somebody_else_rejected_gives_everything_back() {
    given::<Checkout>([started(), held(tea())])
        .when(CheckoutCommand::OrderRejected)
        .then([withdrawn(Outcome::Rejected, all())]);
}

#[test]
fn an_order_that_somebody_else_confirmed_is_cancelled_instead_of_rejected() {
    let history = vec![started(), CONFIRMED, refused(credit(), "900 needed, 800 available")];
    let history = with(history, [failed(TOO_LITTLE, all()), given_back(credit()), given_back(cup())]);
    given::<Checkout>(history).when(gives_back(tea())).then([given_back(tea()), cancelling(TOO_LITTLE)]);
    given::<Checkout>(failing()).when(CheckoutCommand::OrderConfirmed).then([CONFIRMED]);
    given::<Checkout>(all_given_back())
        .when(CheckoutCommand::OrderConfirmed)
        .then([CONFIRMED, cancelling(TOO_LITTLE)]);
    let history = with(all_given_back(), [CONFIRMED, cancelling(TOO_LITTLE)]);
    given::<Checkout>(history.clone()).when(CheckoutCommand::OrderConfirmed).then_nothing();
    given::<Checkout>(history.clone())
        .when(CheckoutCommand::OrderCancelled)
        .then([ended(Outcome::Cancelled)]);
    given::<Checkout>(history).when(CheckoutCommand::OrderShipped).then([shipping(ours())]);
}

#[test]
fn what_somebody_else_released_is_not_confirmed() {
    let why = "stock of tea: what was reserved for the order was released";
    let others = || vec![credit(), cup(), payment()];
    given::<Checkout>([started(), held(tea())])
        .when(gives_back(tea()))
        .then([given_back(tea()), failed(why, others())]);
    given::<Checkout>(all_held()).when(gives_back(tea())).then([given_back(tea()), failed(why, others())]);
    given::<Checkout>([started()]).when(gives_back(tea())).then([given_back(tea())]);
    given::<Checkout>(confirmed()).when(gives_back(tea())).then([given_back(tea())]);
}

#[test]
fn a_checkout_is_given_up_by_hand() {
    let why = "deadline: given up by hand: payment is down";
    for history in [vec![started()], all_held()] {
        given::<Checkout>(history)
            .when(give_up("payment is down"))
            .then([abandoned("payment is down"), failed(why, all())]);
    }
    given::<Checkout>(confirmed()).when(give_up("why")).then_nothing();
    given::<Checkout>(rejected()).when(give_up("why")).then_nothing();
}

#[test]
fn who_gives_up_again_does_not_wait() {
    let over = || [abandoned("why"), ended(Outcome::Abandoned)];
    given::<Checkout>(failing()).when(give_up("why")).then([
        abandoned("why"),
        rejecting(TOO_LITTLE),
        ended(Outcome::Abandoned),
    ]);
    given::<Checkout>(with(failing(), [CONFIRMED])).when(give_up("why")).then([
        abandoned("why"),
        cancelling(TOO_LITTLE),
        ended(Outcome::Abandoned),
    ]);
    given::<Checkout>([started(), withdrawn(Outcome::Cancelled, all())]).when(give_up("why")).then(over());
    given::<Checkout>(all_given_back()).when(give_up("why")).then(over());
    given::<Checkout>(with(confirmed(), [shipping(ours())]))
        .when(give_up("why"))
        .then([abandoned("why"), ended(Outcome::Shipped)]);
    let history = with(all_given_back(), over());
    given::<Checkout>(history.clone()).when(give_up("why")).then_nothing();
    given::<Checkout>(history)
        .when(CheckoutCommand::OrderConfirmed)
        .then([CONFIRMED, cancelling("deadline: given up by hand")]);
}
