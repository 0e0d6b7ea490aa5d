//! What is set aside for which order, of a user's credit or of an article's stock.
//!
//! The bookkeeping that makes repetition and overtaking harmless. It knows neither limits nor articles: those
//! rules stand with [`User`](crate::User) and [`Stock`](crate::Stock).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::value::OrderId;

/// The standing of every order that ever asked, and what all of them hold together.
///
/// An order is remembered for good: whoever asks again, however late, is answered by what already happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reservations {
    orders: BTreeMap<OrderId, Standing>,
    held: u64,
}

/// What an order's wish to reserve meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It was answered before: nothing is to be done.
    Answered,
    /// What was reserved for it was released or settled, or would have been: it is refused.
    Closed(Closed),
    /// It holds this much, and may have another amount if there is enough.
    Open {
        /// What it holds now.
        held: u64,
    },
}

/// How an order's reservation came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Let go.
    Released,
    /// Used up: captured, or shipped.
    Settled,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    hold: Hold,
    released: bool,
    settled: bool,
    refused: BTreeSet<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Hold {
    #[default]
    Nothing,
    /// Nothing is set aside, and nothing needs to be.
    Waived,
    Amount(u64),
}

impl Reservations {
    /// What all orders hold together.
    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    /// The orders that hold something; a hold of 0 is one too.
    pub(crate) fn holding(&self) -> Vec<OrderId> {
        let holding = self.orders.iter().filter(|(_, standing)| matches!(standing.hold, Hold::Amount(_)));
        holding.map(|(order, _)| *order).collect()
    }

    /// What it meets when this order wishes to hold this amount.
    pub(crate) fn wish(&self, order: OrderId, amount: u64) -> Wish {
        let Some(standing) = self.orders.get(&order) else { return Wish::Open { held: 0 } };
        if standing.refused.contains(&amount) {
            return Wish::Answered;
        }
        match (standing.hold, standing.closed()) {
            (Hold::Waived, _) => Wish::Answered,
            (Hold::Amount(held), _) if held == amount => Wish::Answered,
            (Hold::Amount(held), _) => Wish::Open { held },
            (Hold::Nothing, Some(closed)) => Wish::Closed(closed),
            (Hold::Nothing, None) => Wish::Open { held: 0 },
        }
    }

    /// What a release lets go, to be recorded even when it is 0; `None` when it was recorded before.
    pub(crate) fn to_release(&self, order: OrderId) -> Option<u64> {
        match self.orders.get(&order) {
            Some(standing) if standing.released => None,
            standing => Some(standing.map_or(0, Standing::held)),
        }
    }

    /// What a capture or a shipment uses up, to be recorded even when it is 0; `None` when it was recorded
    /// before.
    pub(crate) fn to_settle(&self, order: OrderId) -> Option<u64> {
        match self.orders.get(&order) {
            Some(standing) if standing.settled => None,
            standing => Some(standing.map_or(0, Standing::held)),
        }
    }

    /// What all orders hold once this one holds this amount.
    pub(crate) fn held_with(&self, order: OrderId, amount: u64) -> u64 {
        let before = self.orders.get(&order).map_or(0, Standing::held);
        self.held.saturating_sub(before).saturating_add(amount)
    }

    /// The order now holds this amount.
    pub(crate) fn reserved(&mut self, order: OrderId, amount: u64) {
        self.hold(order, Hold::Amount(amount));
    }

    /// The order holds nothing and needs nothing.
    pub(crate) fn waived(&mut self, order: OrderId) {
        self.hold(order, Hold::Waived);
    }

    /// The order was refused this amount; what it holds stays.
    pub(crate) fn refused(&mut self, order: OrderId, amount: u64) {
        self.orders.entry(order).or_default().refused.insert(amount);
    }

    /// What the order held was let go.
    pub(crate) fn released(&mut self, order: OrderId) {
        self.emptied(order).released = true;
    }

    /// What the order held was used up.
    pub(crate) fn settled(&mut self, order: OrderId) {
        self.emptied(order).settled = true;
    }

    fn hold(&mut self, order: OrderId, hold: Hold) {
        let standing = self.emptied(order);
        // The rules never reserve after the end; should the log say so, the order can be released again.
        (standing.released, standing.settled) = (false, false);
        standing.hold = hold;
        let more = standing.held();
        self.held = self.held.saturating_add(more);
    }

    fn emptied(&mut self, order: OrderId) -> &mut Standing {
        let standing = self.orders.entry(order).or_default();
        self.held = self.held.saturating_sub(standing.held());
        standing.hold = Hold::Nothing;
        standing
    }
}

impl Standing {
    fn held(&self) -> u64 {
        match self.hold {
            Hold::Nothing | Hold::Waived => 0,
            Hold::Amount(amount) => amount,
        }
    }

    fn closed(&self) -> Option<Closed> {
        match (self.settled, self.released) {
            (true, _) => Some(Closed::Settled),
            (false, true) => Some(Closed::Released),
            (false, false) => None,
        }
    }
}
