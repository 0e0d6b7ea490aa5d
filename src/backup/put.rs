//! `jetsource restore`: a backup onto an empty broker, at the positions that everything had.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use event_store::backup::{NOTED, TO_PUT_BACK};
use event_store::streams::{EVENTS, KEYS};
use event_store::{Durability, EventStore, Settings};
use nats_launcher::{DataDir, Options, Server, find};

use super::manifest::{Folder, Manifest, Stream};
use crate::exit::{Exit, Failure};
use crate::settings::BrokerAccess;

/// What to restore, and where to.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// An empty broker; without it, one is started on the data folder, and ended afterwards
    #[arg(long, value_name = "URL")]
    nats_url: Option<String>,
    #[command(flatten)]
    access: BrokerAccess,
    /// The nats-server to start [default: PATH, then .nats/ in the checkout, then the data folder]
    #[arg(long, value_name = "FILE")]
    nats_server: Option<PathBuf>,
    /// The data folder on which `serve` is to run, without read models: they are built from the log
    #[arg(long, value_name = "FOLDER", default_value = "./jetsource-data")]
    data_dir: PathBuf,
}

/// Restores it. Once more goes on where it was cut off.
pub(crate) async fn restore(asked: &Restore) -> Result<(), Failure> {
    let folder = Folder::to_read(&asked.folder)?;
    let Some(manifest) = folder.manifest()? else {
        let line = format!("{} holds no backup that was finished", asked.folder.display());
        return Err(Failure::new(Exit::NotFound, line));
    };
    // All of it before anything is written: a broker with a part of a log is worth nothing.
    manifest.pieces().try_for_each(|piece| piece.check(folder.path()))?;
    if let Some(url) = &asked.nats_url {
        put(url, asked, &manifest, folder.path()).await?;
    } else {
        put_into(asked, &manifest, folder.path()).await?;
    }
    writeln!(
        io::stdout().lock(),
        "restored up to position {}, as it was at {}",
        manifest.position,
        manifest.time
    )?;
    Ok(())
}

/// Onto a broker of its own on the data folder.
async fn put_into(asked: &Restore, manifest: &Manifest, folder: &Path) -> Result<(), Failure> {
    let data = DataDir::lock(&asked.data_dir)?;
    let views = data.path().join("views.sqlite");
    if views.exists() {
        let line = format!(
            "{} holds the read models of another log: remove it, they are built anew",
            views.display()
        );
        return Err(Failure::new(Exit::Conflict, line));
    }
    let binary = find(asked.nats_server.as_deref(), &[data.path().to_owned()])?;
    let server = Server::start(Options::new(binary, data.path().join("nats"))).await?;
    let done = put(&server.url(), asked, manifest, folder).await;
    server.stop().await;
    done
}

async fn put(url: &str, asked: &Restore, manifest: &Manifest, folder: &Path) -> Result<(), Failure> {
    let connection = asked.access.connect(url).await?;
    if connection.durability().await != Durability::EveryAckSynced {
        tracing::warn!("this broker does not sync each event before it acknowledges it");
    }
    let keys = manifest.stream(KEYS);
    let usual = Settings::default();
    let key_retention = keys.map_or(usual.key_retention, |keys| keys.config.max_age);
    let store = EventStore::open(connection, Settings { key_retention, ..usual }).await?;
    check_empty(&store).await?;
    for name in TO_PUT_BACK {
        if let Some(stream) = manifest.stream(name) {
            refill(&store, stream, folder).await?;
        }
    }
    Ok(())
}

/// Nothing has served on it: what sagas note is there from the first moment, and is put back last.
async fn check_empty(store: &EventStore) -> Result<(), Failure> {
    let noted = store.stream_found(NOTED).await?;
    if noted.is_none_or(|noted| noted.messages == 0) {
        return Ok(());
    }
    let line = "a `jetsource serve` has run on this broker: restore onto an empty one, with --nats-url or --data-dir";
    Err(Failure::new(Exit::Conflict, line))
}

/// Fills a stream with what it held.
async fn refill(store: &EventStore, stream: &Stream, folder: &Path) -> Result<(), Failure> {
    let name = &stream.config.name;
    let found = store.make_again(&stream.config).await?;
    // One message a subject is there once, however often it is put there; of others each was given the next sequence.
    let mut there = if stream.config.max_messages_per_subject == 1 { 0 } else { found.last };
    let mut refilling = store.refill(&stream.config);
    for piece in &stream.pieces {
        for message in piece.messages(folder)? {
            let message = message?;
            if there == 0 {
                refilling.put(message).await?;
                continue;
            }
            there -= 1;
            let is_last_there = there == 0 && name == EVENTS;
            if is_last_there
                && !store.message_at(name, message.sequence).await?.is_some_and(|on| on.is_same(&message))
            {
                let line = "the log is not empty, and is not the beginning of this backup either: restore onto an empty broker";
                return Err(Failure::new(Exit::Conflict, line));
            }
        }
    }
    if there > 0 {
        let line = format!("stream {name} holds more than this backup: restore onto an empty broker");
        return Err(Failure::new(Exit::Conflict, line));
    }
    Ok(refilling.finish().await?)
}
