//! The log on JetStream.
//!
//! Reading order:
//! - [`connection`]: the broker, and what it must be
//! - [`streams`]: the streams, exactly as other tools rely on them
//! - [`look`]: what an operator wants to know of a broker
//! - [`subjects`]: the only place that builds subjects
//! - [`envelope`]: an event on the wire; [`cloud_event`]: as one JSON object
//! - [`store`]: the log, opened
//! - `leader`: what only one of several servers knows for certain
//! - [`read`], `tail`, [`history`], `fold`, [`load`], [`many`], [`past`], `cache`: histories, and entities from them
//! - [`pages`]: the whole log, page by page; `moment`: where on it a time is
//! - [`chain`]: all that has one first cause
//! - `snapshot`: what a long history folded to once
//! - [`append`]: events stored, all or none, with the outcome always found out; `committer`, `way`, `batch`, `batches`,
//!   `cost`, `touched`: those that wait share one batch and its syncs
//! - [`execute`], [`also`], `turns`: the way of one command, the other entities that take part in it, and who waits for whom
//! - [`keys`], [`once`]: a command sent again under its key happens once
//! - [`queue`]: commands on subjects, put on their queue and taken from it
//! - [`requests`]: commands on subjects that are answered
//! - [`deadlines`]: messages that the broker holds back until their time
//! - `settle`, `intent`, `parts`: an append that a power cut took apart is completed before a writer is let in
//! - `shared`: what all nodes share
//! - [`lease`]: of several processes, one does a piece of work
//! - `head`: where it ends, and whether it still is the same
//! - [`subscribe`]: the whole log in order, without a gap; `filter`: which of it is wanted
//! - [`trace`]: the place of a piece of work in a trace
//! - [`restore`]: events that were recorded elsewhere, put on an empty log as they were
//! - [`backup`]: all streams as their messages, to be kept elsewhere and put back
//! - [`verify`]: everything that is wrong with it
//! - [`error`]: what can go wrong, by what the caller does next
//!
//! Deliberately not here: any user or order, any HTTP.

pub mod also;
pub mod append;
pub mod backup;
mod batch;
mod batches;
mod cache;
pub mod chain;
pub mod cloud_event;
mod committer;
pub mod connection;
mod cost;
pub mod deadlines;
pub mod envelope;
pub mod error;
pub mod execute;
mod filter;
mod fold;
mod head;
pub mod history;
mod intent;
pub mod keys;
mod leader;
pub mod lease;
pub mod load;
pub mod look;
pub mod many;
mod moment;
pub mod once;
pub mod pages;
mod parts;
pub mod past;
mod publish;
pub mod queue;
pub mod read;
pub mod requests;
pub mod restore;
mod settle;
mod shared;
mod snapshot;
pub mod store;
pub mod streams;
pub mod subjects;
pub mod subscribe;
mod tail;
mod touched;
pub mod trace;
mod turns;
pub mod verify;
mod way;

pub use also::Also;
pub use append::{Stand, Write};
pub use chain::Chain;
pub use connection::{Access, ConnectError, Connection, Durability, Servers, Storage};
pub use deadlines::{Due, DueDeadlines};
pub use envelope::Entry;
pub use error::{ExecuteError, Foreign, StoreError};
pub use execute::{Done, Effect, Expected, alone};
pub use filter::Filter;
pub use keys::IdempotencyKey;
pub use lease::{Lease, Lost};
pub use load::Loaded;
pub use queue::QueuedCommand;
pub use queue::asked::Unreadable;
pub use queue::inbox::{Delivery, Inbox};
pub use queue::refused::Refused;
pub use requests::{Reply, Request, Requests};
pub use restore::Restoring;
pub use store::{EventStore, Settings, Staging};
pub use streams::StreamError;
pub use subscribe::{Batch, Mark, Subscription};
