//! Starts two peers of this repository's store, UmaDB and postgres-es on PostgreSQL, and measures appends to them, and
//! how postgres-es builds a view.

#![expect(clippy::print_stdout, reason = "a line of JSON is what the caller reads")]

mod appends;
mod event;
mod postgres;
mod replay;
mod serve;
mod servers;
mod umadb;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    call: Call,
}

#[derive(Subcommand)]
enum Call {
    /// Starts both servers on throwaway data, says where they are, and stops them when stdin closes
    Serve {
        /// A folder on a real disk; the data goes into a new folder in it, which is removed at the end
        #[arg(long)]
        dir: PathBuf,
        /// The umadb program that setup.sh has installed
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.peers/bin/umadb"))]
        umadb: PathBuf,
        /// The folder of initdb and postgres [default: that of Debian's PostgreSQL 15, or what `pg_config` says]
        #[arg(long)]
        postgres_bin: Option<PathBuf>,
    },
    /// Appends for a time, one after the other in each writer, and prints what it found
    Appends {
        #[arg(long)]
        peer: Peer,
        /// The address that serve has printed for this peer
        #[arg(long)]
        at: String,
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
        writers: u16,
        #[arg(long, value_parser = seconds)]
        seconds: Duration,
        /// Seconds of appends that come before and are not counted
        #[arg(long, value_parser = seconds, default_value = "1")]
        warmup: Duration,
    },
    /// Stores the events of orders that come on standard input, lets postgres-es build its view of them, and prints what
    /// that took: {"order","version","event"} a line
    Replay {
        /// The address that serve has printed for PostgreSQL
        #[arg(long)]
        at: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    Umadb,
    PostgresEs,
}

fn seconds(text: &str) -> anyhow::Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().call {
        Call::Serve { dir, umadb, postgres_bin } => serve::serve(&dir, &umadb, postgres_bin).await,
        Call::Appends { peer, at, writers, seconds, warmup } => {
            let found = match peer {
                Peer::Umadb => {
                    let store = umadb::Umadb::connect(&at).await?;
                    appends::measure("umadb", store, writers, warmup, seconds).await?
                }
                Peer::PostgresEs => {
                    let store = postgres::PostgresEs::connect(&at, writers).await?;
                    appends::measure("postgres-es", store, writers, warmup, seconds).await?
                }
            };
            println!("{}", serde_json::to_string(&found)?);
            Ok(())
        }
        Call::Replay { at } => {
            println!("{}", serde_json::to_string(&replay::measure(&at).await?)?);
            Ok(())
        }
    }
}
