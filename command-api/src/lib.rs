//! The doors of the shop: commands and reads over HTTP, commands on subjects.
//!
//! Reading order:
//! - [`api`]: what every handler has at hand, and the one way of a command
//! - `entity`: what may be asked of the shop's entities, at whatever door
//! - [`problem`]: errors as callers get them; the only place that knows status codes
//! - `call`, `body`, `field`, `path`, `query`: a request, parsed at the door
//! - `users`, `orders`, `stock`, `sagas`, `lists`, `reports`, `history`, `ops`, `docs`: the routes; `as_of`: things as
//!   they were
//! - `subject`, `turns`, [`inbox`], [`requests`]: commands on subjects, from their queue and with an answer
//! - `live`: the log as it grows, for those who listen
//! - `causes`: what caused what
//! - `stored`, [`openapi`], [`asyncapi`]: what is stored, and what the doors take and give, for other tools
//! - `routes`, `line`, `accept`, `answer`, [`auth`]: what they have in common
//! - [`server`]: serving with limits that hold

mod accept;
mod answer;
pub mod api;
mod as_of;
pub mod asyncapi;
pub mod auth;
mod body;
mod call;
mod causes;
mod docs;
mod entity;
mod field;
mod history;
pub mod inbox;
mod line;
mod lists;
mod live;
pub mod openapi;
mod ops;
mod orders;
mod path;
pub mod problem;
mod query;
mod reports;
pub mod requests;
mod routes;
mod sagas;
pub mod server;
mod stock;
mod stored;
mod subject;
mod turns;
mod users;

pub use api::{Acknowledged, Api};
pub use auth::Tokens;
pub use requests::Requests;
pub use server::{run, run_metrics};
pub use turns::Turns;
