//! What an order is for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, Invalid, Quantity, Sku, UnitPrice, Units};

/// So many of an article, at a price each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The article; it may stand on several lines.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// What one costs, in minor units.
    pub unit_price: UnitPrice,
}

/// The lines of an order: at most 500, their total at most 10^15. A draft may have none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Line>")]
#[schemars(extend("maxItems" = Self::MAX, "examples" = [[
    {"sku": "tea-green-100g", "quantity": 2, "unit_price": 450},
    {"sku": "cup-blue", "quantity": 1, "unit_price": 999},
]]))]
pub struct Lines(Vec<Line>);

impl Line {
    /// Quantity times price, in minor units.
    pub fn total(&self) -> Amount {
        Amount::saturating(self.quantity.get().saturating_mul(self.unit_price.get()))
    }
}

impl Lines {
    /// The most lines that an order may have.
    pub const MAX: usize = 500;

    /// The lines of an order, in this order.
    ///
    /// # Errors
    /// When they are too many, or too much in total.
    pub fn new(lines: Vec<Line>) -> Result<Self, Invalid> {
        if lines.len() > Self::MAX {
            let why = format!("must be at most {}, not {}", Self::MAX, lines.len());
            return Err(Invalid::new("lines", why));
        }
        let total = sum(&lines);
        if total > Amount::MAX.get() {
            return Err(Invalid::new("lines", format!("must total at most {}, not {total}", Amount::MAX)));
        }
        Ok(Self(lines))
    }

    /// What they cost together, in minor units.
    pub fn total(&self) -> Amount {
        Amount::saturating(sum(&self.0))
    }

    /// How many of each article they ask for, summed over the lines.
    pub fn units(&self) -> BTreeMap<Sku, Units> {
        let mut units = BTreeMap::new();
        for Line { sku, quantity, .. } in &self.0 {
            let of_sku = units.entry(sku.clone()).or_insert(Units::ZERO);
            *of_sku = Units::saturating(of_sku.get() + quantity.get());
        }
        units
    }

    /// The lines one by one.
    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Line>> for Lines {
    type Error = Invalid;

    fn try_from(lines: Vec<Line>) -> Result<Self, Invalid> {
        Self::new(lines)
    }
}

fn sum(lines: &[Line]) -> u64 {
    lines.iter().fold(0, |sum, line| sum.saturating_add(line.total().get()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn line(sku: &str, quantity: u64, unit_price: u64) -> Line {
        Line {
            sku: sku.parse().unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
            unit_price: UnitPrice::new(unit_price).unwrap(),
        }
    }

    #[test]
    fn the_total_is_over_all_lines() {
        let lines = Lines::new(vec![line("tea", 2, 450), line("cup", 1, 999)]).unwrap();
        assert_eq!(lines.total().get(), 1_899);
    }

    #[test]
    fn units_are_summed_by_article() {
        let lines = Lines::new(vec![line("tea", 2, 450), line("cup", 1, 999), line("tea", 3, 400)]).unwrap();
        let units: Vec<_> = lines.units().into_iter().map(|(sku, n)| (sku.to_string(), n.get())).collect();
        assert_eq!(units, [("cup".to_owned(), 1), ("tea".to_owned(), 5)]);
    }

    #[test]
    fn too_many_lines_and_too_much_in_total_are_refused() {
        assert!(Lines::new(vec![line("tea", 1, 1); 500]).is_ok());
        assert_eq!(
            Lines::new(vec![line("tea", 1, 1); 501]).unwrap_err().to_string(),
            "lines must be at most 500, not 501"
        );
        let most = line("ship", 1_000_000, 1_000_000_000);
        assert_eq!(Lines::new(vec![most.clone()]).unwrap().total(), Amount::MAX);
        assert!(Lines::new(vec![most, line("tea", 1, 1)]).is_err());
        assert!(serde_json::from_str::<Lines>("[]").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn the_total_is_exact_and_within_bounds(lines in testing::lines()) {
            let exact: u128 = lines
                .as_slice()
                .iter()
                .map(|line| u128::from(line.quantity.get()) * u128::from(line.unit_price.get()))
                .sum();
            prop_assert_eq!(u128::from(lines.total().get()), exact);
            prop_assert!(lines.total() <= Amount::MAX);
        }
    }
}
