//! What people see of stock.

use event_model::{Column, Projection, Recorded, Unreadable, Version};
use serde::{Deserialize, Serialize};

use super::{follows, id_of, key_of};
use crate::stock::{Stock, StockEvent};
use crate::value::{Sku, Units};

/// What people see of an article's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockView {
    /// Which article.
    pub sku: Sku,
    /// How many are there.
    pub on_hand: Units,
    /// How many of them are set aside for orders.
    pub reserved: Units,
    /// How many of them are not.
    pub available: Units,
    /// How many events the article's stock has.
    pub version: Version,
}

/// The list of articles that are tracked.
#[derive(Debug)]
pub enum Stocks {}

impl StockView {
    pub(crate) fn new(sku: Sku, on_hand: Units, reserved: Units, version: Version) -> Self {
        Self { sku, on_hand, reserved, available: on_hand.less(reserved), version }
    }
}

impl Projection for Stocks {
    const NAME: &'static str = "stock";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = StockView;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Ok(key_of::<Stock>(event))
    }

    fn project(_: &str, row: Option<StockView>, event: &Recorded) -> Result<Option<StockView>, Unreadable> {
        let (Some(sku), Some(version)) = (id_of::<Stock>(event), event.version) else { return Ok(row) };
        let happened = event.decode::<StockEvent>()?;
        Ok(match row {
            None => received(sku, version, happened),
            Some(row) if follows(row.version, event) => Some(row.after(version, happened)),
            unchanged @ Some(_) => unchanged,
        })
    }

    fn columns(_row: &StockView) -> Vec<(&'static str, Column)> {
        Vec::new()
    }
}

/// Orders are answered before the first receipt; only a receipt makes a row.
fn received(sku: Sku, version: Version, happened: StockEvent) -> Option<StockView> {
    match happened {
        StockEvent::StockReceived { on_hand, .. } => Some(StockView::new(sku, on_hand, Units::ZERO, version)),
        StockEvent::StockReserved { .. }
        | StockEvent::StockRefused { .. }
        | StockEvent::StockReleased { .. }
        | StockEvent::StockShipped { .. } => None,
    }
}

impl StockView {
    fn after(self, version: Version, happened: StockEvent) -> Self {
        let (on_hand, reserved) = match happened {
            StockEvent::StockReceived { on_hand, .. } => (on_hand, self.reserved),
            StockEvent::StockReserved { reserved, .. } | StockEvent::StockReleased { reserved, .. } => {
                (self.on_hand, reserved)
            }
            StockEvent::StockRefused { .. } => (self.on_hand, self.reserved),
            StockEvent::StockShipped { on_hand, reserved, .. } => (on_hand, reserved),
        };
        Self::new(self.sku, on_hand, reserved, version)
    }
}
