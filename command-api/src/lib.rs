//! The doors of the shop: commands and reads over HTTP.
//!
//! Reading order:
//! - [`api`]: what every handler has at hand, and the one way of a command
//! - [`problem`]: errors as callers get them; the only place that knows status codes
//! - `call`, `body`, `field`, `path`, `query`: a request, parsed at the door
//! - `users`, `orders`, `stock`, `lists`, `history`, `ops`, `docs`: the routes
//! - `live`: the log as it grows, for those who listen
//! - `routes`, `line`, `answer`, [`auth`]: what they have in common
//! - [`server`]: serving with limits that hold

mod answer;
pub mod api;
pub mod auth;
mod body;
mod call;
mod docs;
mod field;
mod history;
mod line;
mod lists;
mod live;
mod openapi;
mod ops;
mod orders;
mod path;
pub mod problem;
mod query;
mod routes;
pub mod server;
mod stock;
mod users;

pub use api::{Acknowledged, Api};
pub use auth::Tokens;
pub use server::run;
