//! The state machine of a checkout, from its own rules: of an order with one article, by all that it can learn.

use event_model::Machine;
use event_model::machine::Input;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::phase::Phase;
use super::{Answered, Begin, Checkout, CheckoutCommand, Needed, Step};
use crate::value::{Amount, Sku, Text, Units};

impl Checkout {
    /// Its phases, and what leads from one to another.
    pub fn machine() -> Machine {
        Machine::of(&inputs(), |checkout: &Self| checkout.phase.to_string())
    }
}

/// All that the checkout of an order with one article can learn.
fn inputs() -> Vec<Input<CheckoutCommand>> {
    let (user_id, total, quantity) = (Uuid::nil().into(), Amount::MAX, Units::MAX);
    let article: Option<Sku> = "article".parse().ok();
    let placed = OffsetDateTime::UNIX_EPOCH;
    let begin = Begin {
        user_id,
        total,
        articles: article.iter().map(|sku| Needed { sku: sku.clone(), quantity }).collect(),
        participants: vec![],
        placed,
        deadline: placed + Duration::minutes(1),
    };
    let credit = (Step::Credit(user_id), total.get());
    let steps = article.map(|sku| (Step::Stock(sku), quantity.get())).into_iter().chain([credit]);
    let answers = steps.flat_map(|(step, amount)| {
        let answers = [
            Answered::Held { amount },
            Answered::Refused { amount, reason: Text::clipped("too little") },
            Answered::GivenBack,
            Answered::Settled,
        ];
        answers.map(|answer| CheckoutCommand::Answered { step: step.clone(), answer })
    });
    let others = [
        CheckoutCommand::OrderConfirmed,
        CheckoutCommand::OrderRejected,
        CheckoutCommand::OrderCancelled,
        CheckoutCommand::OrderShipped,
        CheckoutCommand::DeadlinePassed,
        CheckoutCommand::Abandon { reason: Text::clipped("by hand") },
    ];
    let all = [CheckoutCommand::Begin(begin)].into_iter().chain(answers).chain(others);
    all.map(|command| Input { name: in_words(&command), command }).collect()
}

fn in_words(command: &CheckoutCommand) -> String {
    let of_order = |what: &str| format!("order {what}");
    match command {
        CheckoutCommand::Begin(_) => of_order("placed"),
        CheckoutCommand::Answered { step, answer } => {
            let said = match answer {
                Answered::Held { .. } => "held",
                Answered::Refused { .. } => "refused",
                Answered::GivenBack => "given back",
                Answered::Settled => "settled",
            };
            format!("{} {said}", step.in_words())
        }
        CheckoutCommand::OrderConfirmed => of_order("confirmed"),
        CheckoutCommand::OrderRejected => of_order("rejected"),
        CheckoutCommand::OrderCancelled => of_order("cancelled"),
        CheckoutCommand::OrderShipped => of_order("shipped"),
        CheckoutCommand::DeadlinePassed => "deadline passed".to_owned(),
        CheckoutCommand::Abandon { .. } => "abandoned".to_owned(),
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotBegun => f.write_str("not begun"),
            Self::Asking { .. } => f.write_str("asking"),
            Self::Confirming => f.write_str("confirming"),
            Self::Confirmed => f.write_str("confirmed"),
            Self::GivingBack { .. } => f.write_str("giving back"),
            Self::Rejecting { .. } => f.write_str("rejecting"),
            Self::Cancelling => f.write_str("cancelling"),
            Self::Shipping => f.write_str("shipping"),
            Self::Ended { outcome } => write!(f, "ended: {outcome}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use event_model::Decider as _;
    use proptest::prelude::*;

    use super::*;

    /// From, input, to.
    type Arrow = (String, String, String);

    fn arrows(machine: &Machine) -> BTreeSet<Arrow> {
        let phase = |index: usize| machine.phases[index].clone();
        let of = |step: &event_model::machine::Step| {
            let (from, to) = (phase(step.from), phase(step.to));
            step.inputs.iter().map(move |input| (from.clone(), input.clone(), to.clone())).collect::<Vec<_>>()
        };
        machine.steps.iter().flat_map(of).collect()
    }

    #[test]
    fn the_way_of_an_order_is_drawn() {
        let machine = Checkout::machine();
        assert!(machine.complete);
        let arrows = arrows(&machine);
        for (from, input, to) in [
            ("not begun", "order placed", "asking"),
            ("asking", "credit held", "confirming"),
            ("asking", "stock of article refused", "giving back"),
            ("confirming", "order confirmed", "confirmed"),
            ("giving back", "credit given back", "rejecting"),
            ("rejecting", "order rejected", "ended: rejected"),
            ("confirmed", "order shipped", "shipping"),
            ("shipping", "credit settled", "ended: shipped"),
        ] {
            assert!(arrows.contains(&(from.into(), input.into(), to.into())), "{from} > {input} > {to}");
        }
        // An order that was confirmed after all is still cancelled; nothing else goes on from an end.
        let from_an_end: Vec<_> = arrows.iter().filter(|(from, ..)| from.starts_with("ended")).collect();
        let late = ["ended: abandoned", "order confirmed", "cancelling"].map(str::to_owned);
        assert_eq!(from_an_end, [&late.into()]);
    }

    proptest! {
        #[test]
        fn whatever_it_learns_is_drawn(told in prop::collection::vec(0_usize..15, 0..30)) {
            // Trying all states takes a moment: once is enough.
            static ARROWS: LazyLock<BTreeSet<Arrow>> = LazyLock::new(|| arrows(&Checkout::machine()));
            let (inputs, arrows) = (inputs(), &*ARROWS);
            prop_assert_eq!(inputs.len(), 15);
            let mut checkout = Checkout::default();
            for Input { name, command } in told.into_iter().map(|index| &inputs[index]) {
                let before = checkout.phase.to_string();
                let Ok(events) = checkout.decide(command.clone());
                checkout = events.into_iter().fold(checkout, Checkout::evolve);
                let after = checkout.phase.to_string();
                prop_assert!(before == after || arrows.contains(&(before, name.clone(), after)));
            }
        }
    }
}
