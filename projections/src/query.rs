//! A page of rows: what is asked for, and what comes.

use event_model::{Column, Position};

use crate::cursor::{Cursor, Place};

/// A page that somebody asks for.
#[derive(Debug, Clone)]
pub struct Query {
    /// Columns, each with the value that a row must have; none gives all rows.
    pub filters: Vec<(&'static str, Column)>,
    /// The order of the list.
    pub order: Order,
    /// Behind this row; `None` from the beginning.
    pub after: Option<Cursor>,
    /// The most rows to give; 0 counts as 1.
    pub limit: u32,
}

impl Query {
    /// The first `limit` rows of all.
    pub fn new(order: Order, limit: u32) -> Self {
        Self { filters: Vec::new(), order, after: None, limit }
    }

    /// Only rows that have this value in this column.
    #[must_use]
    pub fn having(mut self, column: &'static str, value: impl Into<Column>) -> Self {
        self.filters.push((column, value.into()));
        self
    }

    /// From behind this row.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By key, byte by byte.
    KeyAscending,
    /// By the position of the first event of each row, the newest first; for views in which an event makes one row at
    /// most.
    NewestFirst,
}

/// A page of rows, and how far the view was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub rows: Vec<Listed>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Cursor>,
    /// Every event up to here is in these rows.
    pub position: Position,
}

/// A row of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// The position of the event that made it.
    pub first_position: Position,
    /// The row as people see it, JSON.
    pub row: String,
}

impl Page {
    /// Of the rows that were found, of which one more than asked for tells that there is another page.
    pub(crate) fn of(query: &Query, mut rows: Vec<Listed>, position: Position) -> Self {
        let limit = usize::try_from(query.limit.max(1)).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next = last.map(|last| {
            Cursor(match query.order {
                Order::KeyAscending => Place::Key(last.key.clone()),
                Order::NewestFirst => Place::First(last.first_position),
            })
        });
        Self { rows, next, position }
    }
}
