//! The event that both peers store: an order placed, 250 bytes of JSON.

use serde::{Deserialize, Serialize};

/// The name of the event's type.
pub(crate) const TYPE: &str = "OrderPlaced";

const SIZE: usize = 250;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct OrderPlaced {
    sku: String,
    quantity: u32,
    unit_price: u32,
    note: String,
}

impl OrderPlaced {
    pub(crate) fn new() -> Self {
        let without_note = r#"{"sku":"85123A","quantity":6,"unit_price":255,"note":""}"#.len();
        Self { sku: "85123A".into(), quantity: 6, unit_price: 255, note: "x".repeat(SIZE - without_note) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_its_size() {
        assert_eq!(serde_json::to_vec(&OrderPlaced::new()).unwrap().len(), SIZE);
    }
}
