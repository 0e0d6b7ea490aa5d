//! What may be asked of an article's stock, whatever the door.

use domain::{OrderId, Sku, Stock, StockCommand, StockEvent, StockRejection};
use event_model::Decider as _;
use event_store::{Also, Expected, Loaded};

use crate::api::Api;
use crate::body::Body;
use crate::entity::{Entity, Seen, Wish, no_such_command};
use crate::problem::{FieldError, Problem};

impl Entity for Stock {
    fn asked(_: &Sku, command: &str, body: &Body) -> Result<Wish<Self>, Problem> {
        let about_order = |command: fn(OrderId) -> StockCommand| {
            let mut fields = body.fields()?;
            let order_id = fields.required("order_id");
            fields.finish_with(order_id.map(command)).map(Wish::of)
        };
        match command {
            "receive" => receive(body, Expected::Newest),
            "reserve" => {
                let mut fields = body.fields()?;
                let (order_id, quantity) = (fields.required("order_id"), fields.required("quantity"));
                let asked = order_id.zip(quantity);
                let command = asked.map(|(order_id, quantity)| StockCommand::Reserve { order_id, quantity });
                fields.finish_with(command).map(Wish::of)
            }
            "release" => about_order(|order_id| StockCommand::Release { order_id }),
            "ship" => about_order(|order_id| StockCommand::Ship { order_id }),
            _ => Err(no_such_command(Self::CATEGORY, command)),
        }
    }

    fn also(
        _: &Api,
        seen: &Seen,
        sku: &Sku,
        stock: &Loaded<Self>,
        _: &[StockEvent],
    ) -> Result<Vec<Also<Problem>>, Problem> {
        seen.check(stock.state.view(sku.clone(), stock.version), |_| "cannot be changed")?;
        Ok(Vec::new())
    }

    fn bears_repetition(command: &StockCommand) -> bool {
        match command {
            StockCommand::Reserve { .. } | StockCommand::Release { .. } | StockCommand::Ship { .. } => true,
            StockCommand::Receive { .. } => false,
        }
    }

    /// A reservation that is asked for again, after it was let go, sent away or set to another quantity, would be
    /// decided anew.
    fn may_have_met(&self, command: &StockCommand) -> bool {
        let StockCommand::Reserve { order_id, .. } = *command else { return false };
        let ended = |command| self.decide(command).is_ok_and(|events| events.is_empty());
        let held = self.decide(StockCommand::Release { order_id }).is_ok_and(|events| {
            events.iter().any(
                |event| matches!(event, StockEvent::StockReleased { quantity, .. } if quantity.get() > 0),
            )
        });
        held || ended(StockCommand::Release { order_id }) || ended(StockCommand::Ship { order_id })
    }
}

pub(super) fn receive(body: &Body, expected: Expected) -> Result<Wish<Stock>, Problem> {
    let mut fields = body.fields()?;
    let quantity = fields.required("quantity");
    let command = quantity.map(|quantity| StockCommand::Receive { quantity });
    fields.finish_with(command).map(|command| Wish::at(command, expected))
}

impl From<StockRejection> for Problem {
    fn from(rejection: StockRejection) -> Self {
        match rejection {
            StockRejection::TooMany { .. } => {
                Self::invalid(vec![FieldError { pointer: "/quantity".into(), detail: rejection.to_string() }])
            }
        }
    }
}
