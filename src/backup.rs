//! `jetsource backup` and `jetsource restore`: all that the broker keeps, in a folder.
//!
//! - `manifest`: what a folder holds, and up to where
//! - `piece`: a file of messages
//! - `take`: into the folder, while everything runs
//! - `put`: from the folder onto an empty broker

mod manifest;
mod piece;
mod put;
mod take;

pub(crate) use put::{Restore, restore};
pub(crate) use take::{Backup, backup};
