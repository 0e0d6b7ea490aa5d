//! Finds and runs the real nats-server, for the program and for tests.
//!
//! In reading order. There is no client to use in here: whoever wants to talk to the server connects to its URL.

mod binary;
mod cluster;
mod config;
mod data_dir;
mod error;
mod health;
mod home;
mod launch;
mod lock;
mod monitoring;
mod ports;
#[cfg(target_os = "linux")]
mod power;
mod probe;
mod process;
mod proxy;
mod record;
mod server;
mod staging;
mod storm;
mod supervisor;

pub use binary::{Binary, find};
pub use cluster::Cluster;
pub use config::CONFIG;
pub use data_dir::DataDir;
pub use error::LaunchError;
#[cfg(target_os = "linux")]
pub use power::{Power, PowerError, Unsynced};
pub use proxy::{Proxy, Way};
pub use server::{Options, Port, Server};
pub use staging::Staging;
pub use storm::Dice;
pub use supervisor::Status;
