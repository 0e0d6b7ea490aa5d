//! Sums over the rows of a view: what is asked for, and what comes.

use event_model::Position;

use crate::cursor::{Cursor, Place};

/// Sums that somebody asks for: of the rows that have the same value in one column.
#[derive(Debug, Clone)]
pub struct Sums {
    /// The column whose values are told apart; it holds text.
    pub by: &'static str,
    /// The columns that are summed; they hold whole numbers.
    pub of: &'static [&'static str],
    /// Only rows whose key is this or behind it, byte by byte; `None` from the first key.
    pub from: Option<String>,
    /// Only rows whose key is before this; `None` up to the last key.
    pub below: Option<String>,
    /// The order of the sums.
    pub rank: Rank,
    /// Behind this one; `None` from the beginning.
    pub after: Option<Cursor>,
    /// The most sums to give; 0 counts as 1.
    pub limit: u32,
}

/// The order of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// By the value that their rows have in common, byte by byte.
    Value,
    /// By the sum of this column, the largest first. What is overtaken between two pages may be seen twice.
    Largest(&'static str),
}

/// A page of sums, the sums over all pages, and how far the view was when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumsPage {
    /// In the order that was asked for.
    pub sums: Vec<Sum>,
    /// Over all rows that were asked for, in the order of [`Sums::of`].
    pub totals: Vec<i64>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Cursor>,
    /// Every event up to here is in these sums.
    pub position: Position,
}

/// What the rows with one value come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The value that they have in common.
    pub value: String,
    /// Their sums, in the order of [`Sums::of`].
    pub sums: Vec<i64>,
}

impl SumsPage {
    /// Of the sums that were found, of which one more than asked for tells that there is another page.
    pub(crate) fn of(asked: &Sums, mut sums: Vec<Sum>, totals: Vec<i64>, position: Position) -> Self {
        let limit = usize::try_from(asked.limit.max(1)).unwrap_or(usize::MAX);
        let more = sums.len() > limit;
        sums.truncate(limit);
        let next = sums.last().filter(|_| more).map(|last| cursor(asked, last));
        Self { sums, totals, next, position }
    }
}

fn cursor(asked: &Sums, last: &Sum) -> Cursor {
    Cursor(match asked.rank {
        Rank::Value => Place::Key(last.value.clone()),
        Rank::Largest(column) => {
            let ranked = asked.of.iter().zip(&last.sums).find(|(of, _)| **of == column);
            Place::Sum(ranked.map_or(0, |(_, sum)| *sum), last.value.clone())
        }
    })
}
