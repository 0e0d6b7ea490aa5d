//! What may be asked of an article's stock, whatever the door.

use domain::{OrderId, Sku, Stock, StockCommand, StockEvent, StockRejection, Units};
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
    /// decided anew. Nothing of the kind has happened to an order of which the article knows nothing.
    fn may_have_met(&self, command: &StockCommand) -> bool {
        let StockCommand::Reserve { order_id, .. } = *command else { return false };
        let events = |command| self.decide(command).unwrap_or_default();
        let none = StockCommand::Reserve { order_id, quantity: Units::ZERO };
        let released = events(StockCommand::Release { order_id });
        let holds = released.iter().any(
            |event| matches!(event, StockEvent::StockReleased { quantity, .. } if *quantity > Units::ZERO),
        );
        let shipped = events(StockCommand::Ship { order_id });
        holds || released.is_empty() || shipped.is_empty() || events(none).is_empty()
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
