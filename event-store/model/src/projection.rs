//! A read model, as pure functions over the log.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::Unreadable;
use crate::recorded::Recorded;

/// A read model: rows, each the fold of the events that have its key.
///
/// The runtime owns batching, storage and the checkpoint. A row is the pure fold of the log, so it can be
/// thrown away and built again at any time.
///
/// What a projection cannot apply, because it is [`Unreadable`] or because a function of it panics, sets the row
/// aside: it stays as it was, later events of it wait, and all other rows go on. What carries no version was not
/// written by a writer of the log; when it is unreadable it is stepped over and counted.
pub trait Projection: Send + Sync + 'static {
    /// The name of the view, and of its table: `[a-z_]+`.
    const NAME: &'static str;
    /// Raised whenever the same log would give other rows.
    const VERSION: u32;
    /// Lists of columns that are looked up together; the key and the row's first position need none.
    const INDEXES: &'static [&'static [&'static str]];
    /// One row. It is stored as JSON.
    type Row: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + 'static;

    /// The rows that an event touches, each once; none for an event that this view does not care about.
    ///
    /// # Errors
    /// [`Unreadable`] when the event should be known and cannot be read.
    fn keys(event: &Recorded) -> Result<Vec<String>, Unreadable>;

    /// The row of this key after an event; `None` when there is none any more.
    ///
    /// # Errors
    /// [`Unreadable`], as for [`Projection::keys`].
    fn project(key: &str, row: Option<Self::Row>, event: &Recorded) -> Result<Option<Self::Row>, Unreadable>;

    /// The columns that [`Projection::INDEXES`] names, taken from a row: always the same names, in the same
    /// order.
    fn columns(row: &Self::Row) -> Vec<(&'static str, Column)>;
}

/// The value of an indexed column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Text, compared byte by byte.
    Text(String),
    /// A whole number.
    Integer(i64),
}

impl From<&str> for Column {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Column {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Column {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}
