//! The log on JetStream.
//!
//! Reading order:
//! - [`connection`]: the broker, and what it must be
//! - [`streams`]: the streams, exactly as other tools rely on them
//! - [`subjects`]: the only place that builds subjects
//! - [`envelope`]: an event on the wire
//! - [`store`]: the log, opened
//! - [`read`], `tail`, [`history`], `fold`, [`load`], [`many`], [`past`], `cache`: histories, and entities from them
//! - [`pages`]: the whole log, page by page
//! - `snapshot`: what a long history folded to once
//! - [`append`]: events stored, all or none, with the outcome always found out; `committer`, `cost`: those that wait
//!   share one batch and its syncs
//! - [`execute`], [`also`]: the way of one command, and the other entities that take part in it
//! - [`keys`], [`once`]: a command sent again under its key happens once
//! - [`subscribe`]: the whole log in order, without a gap
//! - [`verify`]: everything that is wrong with it
//! - [`error`]: what can go wrong, by what the caller does next
//!
//! Deliberately not here: any user or order, any HTTP.

pub mod also;
pub mod append;
mod cache;
mod committer;
pub mod connection;
mod cost;
pub mod envelope;
pub mod error;
pub mod execute;
mod fold;
pub mod history;
pub mod keys;
pub mod load;
pub mod many;
pub mod once;
pub mod pages;
pub mod past;
mod publish;
pub mod read;
mod snapshot;
pub mod store;
pub mod streams;
pub mod subjects;
pub mod subscribe;
mod tail;
mod touched;
pub mod verify;

pub use also::Also;
pub use append::{Stand, Write};
pub use connection::{ConnectError, Connection, Durability};
pub use envelope::Entry;
pub use error::{ExecuteError, Foreign, StoreError};
pub use execute::{Done, Effect, Expected, alone};
pub use keys::IdempotencyKey;
pub use load::Loaded;
pub use store::{EventStore, Settings};
pub use streams::StreamError;
pub use subscribe::{Batch, Mark, Subscription};
