//! Any command and event of a saga there could be.

use super::*;

/// A checkout of `lines()` for 900, placed at the epoch, that asks payment too.
pub(crate) fn started() -> CheckoutEvent {
    let Begin { user_id, total, articles, participants, placed, deadline } = begin();
    CheckoutEvent::CheckoutStarted { user_id, total, articles, participants, placed, deadline }
}

pub(crate) fn begin() -> Begin {
    let needed = |sku: &str, number| Needed { sku: sku.parse().unwrap(), quantity: units(number) };
    Begin {
        user_id: user_id(7),
        total: amount(900),
        articles: vec![needed("cup", 1), needed("tea", 5)],
        participants: vec!["payment".parse().unwrap()],
        placed: OffsetDateTime::UNIX_EPOCH,
        deadline: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(30),
    }
}

fn any_participant() -> impl Strategy<Value = Participant> + Clone {
    select(&["payment", "fraud-check"]).prop_map(|name| name.parse().unwrap())
}

fn any_sku() -> impl Strategy<Value = Sku> + Clone {
    select(&["tea", "cup"]).prop_map(|sku| sku.parse().unwrap())
}

fn any_step() -> impl Strategy<Value = Step> + Clone {
    prop_oneof![
        any_user_id().prop_map(Step::Credit),
        any_sku().prop_map(Step::Stock),
        any_participant().prop_map(Step::Participant),
    ]
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> + Clone {
    vec(any_step(), 0..4)
}

fn any_time() -> impl Strategy<Value = OffsetDateTime> + Clone {
    (0_i64..4_000_000_000).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

fn any_outcome() -> impl Strategy<Value = Outcome> + Clone {
    select(&[Outcome::Rejected, Outcome::Cancelled, Outcome::Shipped, Outcome::Abandoned])
}

fn any_begin() -> impl Strategy<Value = Begin> + Clone {
    let articles = proptest::collection::btree_map(any_sku(), any_units(), 0..3);
    (any_user_id(), any_amount(), articles, vec(any_participant(), 0..3), any_time(), any_time()).prop_map(
        |(user_id, total, articles, participants, placed, deadline)| Begin {
            user_id,
            total,
            articles: articles.into_iter().map(|(sku, quantity)| Needed { sku, quantity }).collect(),
            participants,
            placed,
            deadline,
        },
    )
}

pub(crate) fn checkout_command() -> impl Strategy<Value = CheckoutCommand> {
    let answer = prop_oneof![
        4 => any_number(Amount::MAX.get()).prop_map(|amount| Answered::Held { amount }),
        1 => (any_number(Amount::MAX.get()), any_text())
            .prop_map(|(amount, reason)| Answered::Refused { amount, reason }),
        2 => Just(Answered::GivenBack),
        2 => Just(Answered::Settled),
    ];
    prop_oneof![
        3 => any_begin().prop_map(CheckoutCommand::Begin),
        12 => (any_step(), answer).prop_map(|(step, answer)| CheckoutCommand::Answered { step, answer }),
        1 => Just(CheckoutCommand::OrderConfirmed),
        1 => Just(CheckoutCommand::OrderRejected),
        1 => Just(CheckoutCommand::OrderCancelled),
        1 => Just(CheckoutCommand::OrderShipped),
        1 => Just(CheckoutCommand::DeadlinePassed),
        1 => any_text().prop_map(|reason| CheckoutCommand::Abandon { reason }),
    ]
}

pub(crate) fn checkout_event() -> impl Strategy<Value = CheckoutEvent> {
    use CheckoutEvent::*;
    prop_oneof![
        any_begin().prop_map(|Begin { user_id, total, articles, participants, placed, deadline }| {
            CheckoutStarted { user_id, total, articles, participants, placed, deadline }
        }),
        any_step().prop_map(|step| CheckoutStepHeld { step }),
        (any_step(), any_text()).prop_map(|(step, reason)| CheckoutStepRefused { step, reason }),
        Just(CheckoutDeadlinePassed {}),
        any_text().prop_map(|reason| CheckoutAbandoned { reason }),
        (any_text(), any_steps()).prop_map(|(reason, give_back)| CheckoutFailed { reason, give_back }),
        prop_oneof![Just(CheckoutConfirming {}), Just(CheckoutConfirmed {})],
        (any_outcome(), any_steps())
            .prop_map(|(outcome, give_back)| CheckoutWithdrawn { outcome, give_back }),
        any_step().prop_map(|step| CheckoutStepGivenBack { step }),
        any_participant().prop_map(|participant| CheckoutVoiding { participant }),
        any_text().prop_map(|reason| CheckoutRejecting { reason }),
        any_text().prop_map(|reason| CheckoutCancelling { reason }),
        any_steps().prop_map(|settle| CheckoutShipping { settle }),
        any_step().prop_map(|step| CheckoutStepSettled { step }),
        any_outcome().prop_map(|outcome| CheckoutEnded { outcome }),
    ]
}

pub(crate) fn departure_command() -> impl Strategy<Value = DepartureCommand> {
    prop_oneof![
        4 => any_order_id().prop_map(|order_id| DepartureCommand::NoteDraft { order_id }),
        4 => any_order_id().prop_map(|order_id| DepartureCommand::SettleDraft { order_id }),
        1 => vec(any_order_id(), 0..4).prop_map(|orders| DepartureCommand::Depart { orders }),
        1 => Just(DepartureCommand::Abandon),
    ]
}

pub(crate) fn departure_event() -> impl Strategy<Value = DepartureEvent> {
    use DepartureEvent::*;
    prop_oneof![
        any_order_id().prop_map(|order_id| DepartureDraftNoted { order_id }),
        any_order_id().prop_map(|order_id| DepartureDraftSettled { order_id }),
        vec(any_order_id(), 0..4).prop_map(|orders| DepartureCancelling { orders }),
    ]
}
