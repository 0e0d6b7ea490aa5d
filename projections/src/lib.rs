//! Runs projections: rows that people list, each the fold of the events that touch it.
//!
//! Reading order:
//! - [`views`]: what lists ask, and what makes a worker
//! - [`query`], [`cursor`]: a page of rows, and where the next one begins
//! - [`worker`]: from the log into rows, position and rows in one transaction
//! - [`status`]: how far a view is, for operators and for lists that wait
//! - [`sqlite`]: the home of the rows
//! - [`error`]: what can go wrong, by what the caller does next
//!
//! Deliberately not here: any user or order, any HTTP; the rows of a view are the projection's own business.

pub mod cursor;
mod definition;
pub mod error;
mod fold;
pub mod query;
pub mod sqlite;
pub mod status;
pub mod views;
pub mod worker;

pub use cursor::{Cursor, UnreadableCursor};
pub use error::{RunError, ViewError};
pub use query::{Listed, Order, Page, Query};
pub use sqlite::SqliteViews;
pub use status::{ViewStatus, Waited};
pub use views::Views;
pub use worker::Worker;
