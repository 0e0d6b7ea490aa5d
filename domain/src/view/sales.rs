//! What is sold, by day and by article: from the moment that an order is confirmed.
//!
//! A confirmed order that is cancelled is taken back on the day of its cancellation, so that a day which is over never
//! changes; a day, or an article on one, may thus be below zero. Days are UTC, by the time of the event.

use event_model::{Column, Projection, Recorded, Unreadable};
use serde::{Deserialize, Serialize};
use time::{Date, UtcOffset};

use super::id_of;
use crate::order::{Order, OrderEvent};
use crate::value::{Line, Lines};

/// What was sold on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfDay {
    /// The day, such as `2026-01-31`.
    pub day: String,
    /// How many orders were confirmed, less those cancelled after that.
    pub orders: i64,
    /// How many units of all articles.
    pub units: i64,
    /// What for, in minor units.
    pub revenue: i64,
}

/// What was sold of an article on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOfArticle {
    /// The day, such as `2026-01-31`.
    pub day: String,
    /// Which article.
    pub sku: String,
    /// How many units.
    pub units: i64,
    /// What for, in minor units.
    pub revenue: i64,
}

/// The days on which something was sold or taken back; the key is the day.
#[derive(Debug)]
pub enum SalesByDay {}

/// The articles that were sold or taken back, by day; the key is `<day>/<sku>`.
#[derive(Debug)]
pub enum SalesByArticle {}

/// What an event sells, or takes back.
struct Sale {
    day: String,
    lines: Lines,
    /// 1 when it sells, -1 when it takes back.
    sign: i64,
}

impl Sale {
    fn of(event: &Recorded) -> Result<Option<Self>, Unreadable> {
        if id_of::<Order>(event).is_none() || event.version.is_none() {
            return Ok(None);
        }
        let (lines, sign) = match event.decode()? {
            OrderEvent::OrderConfirmed { lines, .. } => (lines, 1),
            OrderEvent::OrderCancelled { lines, .. } => (lines, -1),
            OrderEvent::OrderDrafted { .. }
            | OrderEvent::OrderPlaced { .. }
            | OrderEvent::OrderLinesChanged { .. }
            | OrderEvent::OrderShipToChanged { .. }
            | OrderEvent::OrderRejected { .. }
            | OrderEvent::OrderShipped { .. }
            | OrderEvent::OrderCompleted { .. } => return Ok(None),
        };
        let day = day(event.time.to_offset(UtcOffset::UTC).date());
        Ok((!lines.is_empty()).then_some(Self { day, lines, sign }))
    }

    /// The units and the revenue of some of its lines, with the sign.
    fn sum<'a>(&self, lines: impl Iterator<Item = &'a Line>) -> (i64, i64) {
        lines.fold((0, 0), |(units, revenue), line| {
            let (of_units, of_revenue) = (line.quantity.get(), line.total().get());
            (added(units, self.sign, of_units), added(revenue, self.sign, of_revenue))
        })
    }
}

/// A day as keys and rows have it.
pub fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn added(sum: i64, sign: i64, number: u64) -> i64 {
    sum.saturating_add(sign.saturating_mul(i64::try_from(number).unwrap_or(i64::MAX)))
}

impl Projection for SalesByDay {
    const NAME: &'static str = "sales_by_day";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["day", "orders", "units", "revenue"]];
    type Row = SalesOfDay;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        Ok(Sale::of(event)?.map(|sale| sale.day).into_iter().collect())
    }

    fn project(
        day: &str,
        row: Option<SalesOfDay>,
        event: &Recorded,
    ) -> Result<Option<SalesOfDay>, Unreadable> {
        let Some(sale) = Sale::of(event)? else { return Ok(row) };
        let before = row.unwrap_or(SalesOfDay { day: day.to_owned(), orders: 0, units: 0, revenue: 0 });
        let (units, revenue) = sale.sum(sale.lines.as_slice().iter());
        Ok(Some(SalesOfDay {
            orders: before.orders.saturating_add(sale.sign),
            units: before.units.saturating_add(units),
            revenue: before.revenue.saturating_add(revenue),
            ..before
        }))
    }

    fn columns(row: &SalesOfDay) -> Vec<(&'static str, Column)> {
        vec![
            ("day", row.day.as_str().into()),
            ("orders", row.orders.into()),
            ("units", row.units.into()),
            ("revenue", row.revenue.into()),
        ]
    }
}

impl Projection for SalesByArticle {
    const NAME: &'static str = "sales_by_article";
    const VERSION: u32 = 1;
    const INDEXES: &'static [&'static [&'static str]] = &[&["sku", "units", "revenue"]];
    type Row = SalesOfArticle;

    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable> {
        let Some(sale) = Sale::of(event)? else { return Ok(Vec::new()) };
        Ok(sale.lines.units().into_keys().map(|sku| format!("{}/{sku}", sale.day)).collect())
    }

    fn project(
        key: &str,
        row: Option<SalesOfArticle>,
        event: &Recorded,
    ) -> Result<Option<SalesOfArticle>, Unreadable> {
        let (Some(sale), Some((day, sku))) = (Sale::of(event)?, key.split_once('/')) else { return Ok(row) };
        let (day, sku) = (day.to_owned(), sku.to_owned());
        let (units, revenue) = sale.sum(sale.lines.as_slice().iter().filter(|line| line.sku.as_str() == sku));
        let before = row.unwrap_or(SalesOfArticle { day, sku, units: 0, revenue: 0 });
        Ok(Some(SalesOfArticle {
            units: before.units.saturating_add(units),
            revenue: before.revenue.saturating_add(revenue),
            ..before
        }))
    }

    fn columns(row: &SalesOfArticle) -> Vec<(&'static str, Column)> {
        vec![("sku", row.sku.as_str().into()), ("units", row.units.into()), ("revenue", row.revenue.into())]
    }
}
