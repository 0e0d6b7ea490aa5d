//! Runs projections: rows that people list, each the fold of the events that touch it.
//!
//! Reading order:
//! - [`views`]: what lists ask, and what makes a worker
//! - [`query`], [`sums`], [`cursor`]: a page of rows or of sums over them, and where the next one begins
//! - [`worker`], `following`, `serving`, `telling`, `traced`: a worker, and what it does from one moment to the next
//! - `generation`, `feed`: rows in a table of their own, from the log, position and rows in one transaction
//! - `folding`, `ahead`, `reading`: the log read, and folded before it is written; `background`: what yields to all else
//! - `rebuild`, `leftovers`: a generation built beside the serving one, the switch, and what is left behind
//! - `applying`, `fold`, `attempt`: a batch into changes of rows, whatever a projection does
//! - [`failure`], `aside`: rows whose next event could not be applied
//! - [`status`], [`report`], `meter`: how far a view is, for lists that wait, and for operators
//! - [`control`], [`desk`], `answering`: what an operator asks over the broker, and where it is answered
//! - [`mod@verify`], `compare`: whether the rows that serve are the fold of the log
//! - `home`, [`address`]: what is asked of a home of rows, and where one is
//! - `sqlite`, `postgres`: the home in one file, and the one in a database
//! - [`error`]: what can go wrong, by what the caller does next
//!
//! Deliberately not here: any user or order, any HTTP; the rows of a view are the projection's own business.

pub mod address;
mod ahead;
mod answering;
mod applying;
mod aside;
mod attempt;
mod background;
mod compare;
pub mod control;
pub mod cursor;
mod definition;
pub mod desk;
pub mod error;
pub mod failure;
mod feed;
mod fold;
mod folding;
mod following;
mod generation;
mod home;
mod leftovers;
mod meter;
mod postgres;
pub mod query;
mod reading;
mod rebuild;
pub mod report;
mod serving;
mod sqlite;
pub mod status;
pub mod sums;
mod telling;
mod traced;
pub mod verify;
pub mod views;
pub mod worker;

pub use address::{HomeAddress, UnfitAddress};
pub use control::{Answer, Asked, ControlError, ask};
pub use cursor::{Cursor, UnreadableCursor};
pub use desk::Desk;
pub use error::{RunError, ViewError};
pub use failure::{FailedRow, Failure, Failures};
pub use query::{Listed, Order, Page, Query};
pub use report::{Rebuild, Report};
pub use status::{RebuildStatus, ViewStatus, Waited};
pub use sums::{Rank, Sum, Sums, SumsPage};
pub use verify::{Difference, Image, Verified, VerifyError, verify};
pub use views::Views;
pub use worker::Worker;
