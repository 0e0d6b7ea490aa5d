//! What may be asked of an order, whatever the door.

use domain::{Lines, Order, OrderCommand, OrderEvent, OrderId, OrderRejection, Text, User, UserId};
use event_model::Decider as _;
use event_store::{Also, Expected, Loaded};

use crate::api::Api;
use crate::body::{Body, Fields};
use crate::entity::{Entity, Seen, Wish, no_such_command};
use crate::field::lines;
use crate::problem::{FieldError, Kind, Problem};

impl Entity for Order {
    fn asked(id: &OrderId, command: &str, body: &Body) -> Result<Wish<Self>, Problem> {
        match command {
            "draft" => made(id, body, true),
            "place" if body.is_empty() => step(body, Expected::Newest, OrderCommand::Place),
            "place" => made(id, body, false),
            "change" => change(body, Expected::Newest),
            "confirm" => step(body, Expected::Newest, OrderCommand::Confirm),
            "reject" => {
                let mut fields = body.fields()?;
                let reason = fields.required("reason");
                let command = reason.map(|reason| OrderCommand::Reject { reason });
                fields.finish_with(command).map(Wish::of)
            }
            "ship" => step(body, Expected::Newest, OrderCommand::Ship),
            "complete" => step(body, Expected::Newest, OrderCommand::Complete),
            "cancel" => cancel(body, Expected::Newest),
            _ => Err(no_such_command(Self::CATEGORY, command)),
        }
    }

    /// Who orders must be there: a courtesy, the checkout is the authority.
    fn also(
        _: &Api,
        seen: &Seen,
        id: &OrderId,
        order: &Loaded<Self>,
        events: &[OrderEvent],
    ) -> Result<Vec<Also<Problem>>, Problem> {
        seen.check(order.state.view(*id, order.version), instead)?;
        Ok(buyers(events).map(|user| Also::look::<User>(user, is_there)).collect())
    }

    fn bears_repetition(command: &OrderCommand) -> bool {
        match command {
            OrderCommand::Confirm
            | OrderCommand::Reject { .. }
            | OrderCommand::Ship
            | OrderCommand::Complete
            | OrderCommand::Cancel { .. } => true,
            OrderCommand::Draft { .. }
            | OrderCommand::PlaceNew { .. }
            | OrderCommand::Place
            | OrderCommand::Change { .. } => false,
        }
    }

    /// An order never comes back to a status that it has left.
    fn may_have_met(&self, _: &OrderCommand) -> bool {
        false
    }
}

/// The order that a body describes, under the id of its subject.
fn made(id: &OrderId, body: &Body, draft: bool) -> Result<Wish<Order>, Problem> {
    let mut fields = body.fields()?;
    if fields.optional("draft").is_some_and(|sent: bool| sent != draft) {
        fields.wrong("draft", format!("must be {draft} for this command, or be left out"));
    }
    let command = create(&mut fields, draft);
    fields.same_id(id);
    fields.finish_with(command).map(Wish::of)
}

/// The fields of a new order, its id apart.
pub(super) fn create(fields: &mut Fields, draft: bool) -> Option<OrderCommand> {
    let user_id = fields.required::<UserId>("user_id");
    let sent = fields.has("lines");
    let lines = lines(fields);
    if !draft && (!sent || lines.as_ref().is_some_and(Lines::is_empty)) {
        fields.wrong("lines", "must have at least one line, unless the order is a draft");
    }
    let ship_to = fields.optional("ship_to");
    let (user_id, lines) = (user_id?, lines.unwrap_or_default());
    Some(if draft {
        OrderCommand::Draft { user_id, lines, ship_to }
    } else {
        OrderCommand::PlaceNew { user_id, lines, ship_to }
    })
}

pub(super) fn change(body: &Body, expected: Expected) -> Result<Wish<Order>, Problem> {
    let mut fields = body.fields()?;
    let (lines, ship_to) = (lines(&mut fields), fields.optional("ship_to"));
    let seen = Seen::new(fields.as_sent(&["id", "user_id", "status", "total", "reason"]));
    let expected = fields.version_or(expected);
    fields.finish()?;
    Ok(Wish { command: OrderCommand::Change { lines, ship_to }, expected, seen })
}

/// A command that needs no field.
pub(super) fn step(body: &Body, expected: Expected, command: OrderCommand) -> Result<Wish<Order>, Problem> {
    body.fields_if_any()?.finish()?;
    Ok(Wish::at(command, expected))
}

pub(super) fn cancel(body: &Body, expected: Expected) -> Result<Wish<Order>, Problem> {
    let mut fields = body.fields_if_any()?;
    let reason = fields.optional::<Text>("reason");
    fields.finish()?;
    Ok(Wish::at(OrderCommand::Cancel { reason }, expected))
}

/// Who must be there for these events.
fn buyers(events: &[OrderEvent]) -> impl Iterator<Item = UserId> {
    events.iter().filter_map(|event| match event {
        OrderEvent::OrderDrafted { user_id, .. } | OrderEvent::OrderPlaced { user_id, .. } => Some(*user_id),
        OrderEvent::OrderLinesChanged { .. }
        | OrderEvent::OrderShipToChanged { .. }
        | OrderEvent::OrderConfirmed { .. }
        | OrderEvent::OrderRejected { .. }
        | OrderEvent::OrderCancelled { .. }
        | OrderEvent::OrderShipped { .. }
        | OrderEvent::OrderCompleted { .. } => None,
    })
}

fn is_there(user: &Loaded<User>) -> Result<(), Problem> {
    if user.state.email().is_some() {
        return Ok(());
    }
    let detail = "user_id: there is no such user, or it was deleted; register the user first";
    let errors =
        vec![FieldError { pointer: "/user_id".into(), detail: "must be a user that is not deleted".into() }];
    Err(Problem { errors, ..Problem::new(Kind::UnknownUser, detail) })
}

fn instead(field: &str) -> &'static str {
    match field {
        "status" => "cannot be changed here; POST /orders/{id}/place, /ship, /complete or /cancel changes it",
        "total" => "cannot be changed; it follows from the lines",
        "reason" => "cannot be changed here; POST /orders/{id}/cancel gives a reason",
        _ => "cannot be changed",
    }
}

impl From<OrderRejection> for Problem {
    fn from(rejection: OrderRejection) -> Self {
        match rejection {
            OrderRejection::NotFound => Self::not_found("this order"),
            OrderRejection::Exists => Self::new(Kind::Conflict, "this id exists; use another one"),
            OrderRejection::NoLines | OrderRejection::State { .. } => {
                Self::new(Kind::OrderState, rejection.to_string())
            }
        }
    }
}
