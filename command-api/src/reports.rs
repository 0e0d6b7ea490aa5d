//! Reports: sums over the read models.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::view::sales::day;
use domain::{SalesByArticle, SalesByDay};
use event_model::Projection;
use projections::{Cursor, Rank, Sums};
use serde::Serialize;
use time::Date;
use time::macros::format_description;

use crate::api::Api;
use crate::call::{Freshness, POSITION};
use crate::lists::wait;
use crate::problem::Problem;
use crate::query::Parameters;

/// By what sales are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum By {
    /// By day, the earliest first.
    Day,
    /// By article, the one with the largest revenue first.
    Article,
}

/// A day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Day(Date);

/// What was sold in the time that was asked for.
#[derive(Debug, Serialize)]
struct Report {
    by: By,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Over all pages.
    totals: Sold,
    rows: Vec<Sold>,
}

/// A row of a report, or its last line.
#[derive(Debug, Serialize)]
struct Sold {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    /// Not by article: an order may have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<i64>,
    units: i64,
    revenue: i64,
}

/// `GET /reports/sales`
pub(crate) async fn sales(
    State(api): State<Api>,
    freshness: Freshness,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let by = parameters.take::<By>("by")?.unwrap_or(By::Day);
    let (from, to) = (parameters.take::<Day>("from")?, parameters.take::<Day>("to")?);
    let (limit, after) = (parameters.limit()?, parameters.take::<Cursor>("after")?);
    parameters.finish()?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::malformed("the query parameter from must not be a later day than to"));
    }
    let (column, of, rank) = by.sums();
    let from = from.map(|Day(date)| day(date));
    // Keys begin with the day, so all of the last day is before the day after it.
    let below = to.and_then(|Day(date)| date.next_day()).map(day);
    let asked = Sums { by: column, of, from: from.clone(), below, rank, after, limit };
    let page = match by {
        By::Day => sums::<SalesByDay>(&api, freshness, &asked).await?,
        By::Article => sums::<SalesByArticle>(&api, freshness, &asked).await?,
    };
    let rows = page.sums.into_iter().map(|sum| by.sold(Some(sum.value), &sum.sums)).collect();
    let totals = by.sold(None, &page.totals);
    let report = Report { by, from, to: to.map(|Day(date)| day(date)), totals, rows };
    let mut answer = Json(report).into_response();
    let headers = answer.headers_mut();
    headers.insert(POSITION, HeaderValue::from(page.position.get()));
    if let Some(link) = page.next.and_then(|after| parameters.next(&after).try_into().ok()) {
        headers.insert(header::LINK, link);
    }
    Ok(answer)
}

async fn sums<P: Projection>(
    api: &Api,
    freshness: Freshness,
    asked: &Sums,
) -> Result<projections::SumsPage, Problem> {
    wait::<P>(api, freshness).await?;
    Ok(api.views.sums(P::NAME, asked).await?)
}

impl By {
    /// Both of them.
    pub(crate) const ALL: [Self; 2] = [Self::Day, Self::Article];

    /// The word for it, frozen.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Article => "article",
        }
    }

    /// The column that tells rows apart, those that are summed, and the order.
    fn sums(self) -> (&'static str, &'static [&'static str], Rank) {
        match self {
            Self::Day => ("day", &["units", "revenue", "orders"], Rank::Value),
            Self::Article => ("sku", &["units", "revenue"], Rank::Largest("revenue")),
        }
    }

    fn sold(self, value: Option<String>, sums: &[i64]) -> Sold {
        let of = |index: usize| sums.get(index).copied();
        let (day, sku) = match self {
            Self::Day => (value, None),
            Self::Article => (None, value),
        };
        let (units, revenue) = (of(0).unwrap_or_default(), of(1).unwrap_or_default());
        Sold { day, sku, orders: of(2), units, revenue }
    }
}

impl FromStr for By {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|by| by.as_str() == word).ok_or("must be day or article")
    }
}

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
        let date = date.ok().filter(|date| day(*date) == text);
        date.map(Self).ok_or("must be a day (UTC) such as 2026-01-31")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().map(|Day(date)| day(date)), Ok(text.to_owned()));
        }
        for wrong in
            ["", "2026", "2026-1-31", "2026-02-30", "2026-01-31T00:00:00Z", "-2026-01-31", " 2026-01-31"]
        {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
