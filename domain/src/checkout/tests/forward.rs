//! The way to a confirmed order, and to a shipped one.

use super::*;

#[test]
fn it_begins_once() {
    given::<Checkout>([]).when(CheckoutCommand::Begin(begin())).then([started()]);
    for history in phases() {
        given::<Checkout>(history).when(CheckoutCommand::Begin(begin())).then_nothing();
    }
}

#[test]
fn the_order_is_confirmed_once_all_is_held_in_whatever_order() {
    for turn in 0..4 {
        let mut order = all();
        order.rotate_left(turn);
        let last = order.pop().unwrap();
        let mut history = vec![started()];
        for step in order {
            given::<Checkout>(history.clone()).when(holds(step.clone())).then([held(step.clone())]);
            history.push(held(step.clone()));
            given::<Checkout>(history.clone()).when(holds(step)).then_nothing();
        }
        given::<Checkout>(history).when(holds(last.clone())).then([held(last), CONFIRMING]);
    }
    given::<Checkout>(all_held()).when(CheckoutCommand::OrderConfirmed).then([CONFIRMED]);
    given::<Checkout>(confirmed()).when(CheckoutCommand::OrderConfirmed).then_nothing();
}

#[test]
fn an_article_that_is_not_tracked_holds_nothing_and_that_is_enough() {
    let history = [started()];
    given::<Checkout>(history).when(says(tea(), Answered::Held { amount: 0 })).then([held(tea())]);
}

#[test]
fn an_answer_to_somebody_else_is_none() {
    let less = || says(tea(), Answered::Held { amount: 4 });
    let nothing = || says(credit(), Answered::Held { amount: 0 });
    let of_more = || says(credit(), Answered::Refused { amount: 901, reason: text("too much") });
    let of_another = || says(Step::Credit(user_id(8)), Answered::Held { amount: 900 });
    for answer in [less(), nothing(), of_more(), of_another(), holds(stock_of("pot"))] {
        given::<Checkout>([started()]).when(answer).then_nothing();
    }
    for answer in [gives_back(Step::Credit(user_id(8))), settles(stock_of("pot")), settles(payment())] {
        given::<Checkout>([started()]).when(answer).then_nothing();
    }
}

#[test]
fn what_comes_before_the_order_is_placed_is_nothing() {
    for command in [
        holds(credit()),
        refuses(tea(), "none"),
        CheckoutCommand::OrderConfirmed,
        CheckoutCommand::OrderRejected,
        CheckoutCommand::OrderCancelled,
        CheckoutCommand::OrderShipped,
        CheckoutCommand::DeadlinePassed,
        give_up("why"),
    ] {
        given::<Checkout>([]).when(command).then_nothing();
    }
}

#[test]
fn what_was_given_back_before_is_not_waited_for() {
    given::<Checkout>([]).when(gives_back(tea())).then([given_back(tea())]);
    given::<Checkout>([given_back(tea())]).when(gives_back(tea())).then_nothing();
    let of_another = given_back(Step::Credit(user_id(8)));
    let history = vec![given_back(tea()), of_another, started()];
    let why = "stock of tea: 5 needed, 3 available";
    let refusal = [refused(tea(), "5 needed, 3 available"), failed(why, vec![credit(), cup(), payment()])];
    given::<Checkout>(history.clone()).when(refuses(tea(), "5 needed, 3 available")).then(refusal.clone());
    given::<Checkout>(with(history, refusal.into_iter().chain([given_back(credit())])))
        .when(gives_back(cup()))
        .then([given_back(cup()), rejecting(why)]);
}

#[test]
fn a_shipped_order_uses_up_what_it_holds() {
    given::<Checkout>(confirmed()).when(CheckoutCommand::OrderShipped).then([shipping(ours())]);
    let mut history = with(confirmed(), [shipping(ours())]);
    given::<Checkout>(history.clone()).when(CheckoutCommand::OrderShipped).then_nothing();
    for step in [tea(), credit()] {
        given::<Checkout>(history.clone()).when(settles(step.clone())).then([settled(step.clone())]);
        history.push(settled(step.clone()));
        given::<Checkout>(history.clone()).when(settles(step)).then_nothing();
    }
    given::<Checkout>(history).when(settles(cup())).then([settled(cup()), ended(Outcome::Shipped)]);
}

#[test]
fn what_was_used_up_before_is_not_waited_for() {
    given::<Checkout>([]).when(settles(tea())).then([settled(tea())]);
    let history = with(confirmed(), [settled(tea())]);
    given::<Checkout>(history).when(CheckoutCommand::OrderShipped).then([shipping(vec![credit(), cup()])]);
    let history = with(confirmed(), ours().into_iter().map(settled));
    given::<Checkout>(history)
        .when(CheckoutCommand::OrderShipped)
        .then([shipping(vec![]), ended(Outcome::Shipped)]);
}

#[test]
fn an_order_that_somebody_else_confirmed_is_done_once_all_is_held() {
    given::<Checkout>([started()]).when(CheckoutCommand::OrderConfirmed).then([CONFIRMED]);
    let history = with(vec![started(), CONFIRMED], [held(credit()), held(cup()), held(tea())]);
    given::<Checkout>(history.clone()).when(CheckoutCommand::OrderConfirmed).then_nothing();
    given::<Checkout>(history.clone()).when(holds(payment())).then([held(payment())]);
    let done = Progress::Done { outcome: "confirmed".to_owned() };
    assert_eq!(Checkout::fold(with(history, [held(payment())])).progress(), done);
}

#[test]
fn an_order_that_is_shipped_too_early_is_settled_all_the_same() {
    let history = [started(), CONFIRMED, held(credit())];
    given::<Checkout>(history).when(CheckoutCommand::OrderShipped).then([shipping(ours())]);
    given::<Checkout>(with(failing(), [CONFIRMED]))
        .when(CheckoutCommand::OrderShipped)
        .then([shipping(ours())]);
    let history = vec![started(), CONFIRMED, shipping(ours())];
    given::<Checkout>(history.clone()).when(holds(tea())).then_nothing();
    given::<Checkout>(history.clone()).when(refuses(tea(), "captured")).then_nothing();
    given::<Checkout>(history).when(holds(payment())).then_nothing();
}
