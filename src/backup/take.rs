//! `jetsource backup`: what is new goes into the folder, while everything runs.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use event_store::EventStore;
use event_store::backup::{BEFORE_THE_LOG, Message};
use event_store::streams::{EVENTS, KEYS};

use super::manifest::{Folder, Manifest, Stream};
use super::piece::Pieces;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::settings::BrokerPlace;

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder of the backup: an empty one, or that of an earlier backup of the same log
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Backs up what is not in the folder yet.
pub(crate) async fn backup(asked: &Backup) -> Result<(), Failure> {
    let store = log::open(&asked.broker).await?;
    let folder = Folder::to_write(&asked.folder)?;
    let before = folder.manifest()?;
    if let Some(before) = &before {
        check(&store, before).await?;
    }
    let (position, last) = before.as_ref().map_or((0, None), |before| (before.position, before.last.clone()));
    let mut streams = Vec::new();
    for name in BEFORE_THE_LOG {
        streams.extend(whole(&store, &folder, name).await?);
    }
    let keys_until = store.stream_found(KEYS).await?.map_or(0, |keys| keys.last);
    let (events, end, last) = log_behind(&store, &folder, before.as_ref(), last).await?;
    let new = end - position;
    streams.push(events);
    streams.extend(keys(&store, &folder, before.as_ref(), keys_until, end).await?);
    let manifest = Manifest::new(end, last, streams);
    folder.put(&manifest)?;
    let (files, bytes) =
        manifest.pieces().fold((0, 0), |(files, bytes), piece| (files + 1, bytes + piece.bytes));
    writeln!(
        io::stdout().lock(),
        "backed up to position {end}: {new} new events; {files} pieces, {bytes} bytes"
    )?;
    Ok(())
}

/// Whether the log still is the one that was backed up.
async fn check(store: &EventStore, before: &Manifest) -> Result<(), Failure> {
    let Some(last) = &before.last else { return Ok(()) };
    let there = store.message_at(EVENTS, before.position).await?;
    if there.is_some_and(|there| there.is_same(last)) {
        return Ok(());
    }
    let line = format!(
        "the log is not the one that is backed up here up to position {}: it was damaged or replaced; keep this \
         backup, run `jetsource log verify`, or name another folder",
        before.position
    );
    Err(Failure::new(Exit::Verification, line))
}

/// All that a stream holds now; `None` where there is no such stream.
async fn whole(store: &EventStore, folder: &Folder, name: &'static str) -> Result<Option<Stream>, Failure> {
    let Some(found) = store.stream_found(name).await? else { return Ok(None) };
    let mut pieces = Pieces::new(folder.path(), name);
    store.take_all::<Failure>(name, |message| pieces.add(&message)).await?;
    Ok(Some(Stream { config: found.config, made: found.made, after: 0, pieces: pieces.end()? }))
}

/// The log behind what is backed up; with it where it ends, and what lies there.
async fn log_behind(
    store: &EventStore,
    folder: &Folder,
    before: Option<&Manifest>,
    mut last: Option<Message>,
) -> Result<(Stream, u64, Option<Message>), Failure> {
    let found = store.stream_found(EVENTS).await?;
    let found =
        found.ok_or_else(|| Failure::new(Exit::Unavailable, "there is no log on this broker any more"))?;
    let mut pieces = Pieces::new(folder.path(), EVENTS);
    let after = before.map_or(0, |before| before.position);
    let end = store
        .take_log::<Failure>(after, |message| {
            pieces.add(&message)?;
            last = Some(message);
            Ok(())
        })
        .await?;
    let kept = before.and_then(|before| before.stream(EVENTS)).map(|stream| stream.pieces.clone());
    let pieces = kept.into_iter().flatten().chain(pieces.end()?).collect();
    Ok((Stream { config: found.config, made: found.made, after: end, pieces }, end, last))
}

/// The keys of what is on the log up to `position`.
async fn keys(
    store: &EventStore,
    folder: &Folder,
    before: Option<&Manifest>,
    until: u64,
    position: u64,
) -> Result<Option<Stream>, Failure> {
    let Some(found) = store.stream_found(KEYS).await? else { return Ok(None) };
    // Sequences of another stream say nothing about this one: a log that was restored has its keys anew.
    let kept = before.and_then(|before| before.stream(KEYS)).filter(|kept| kept.made == found.made);
    let mut pieces = Pieces::new(folder.path(), KEYS);
    let after = kept.map_or(0, |kept| kept.after);
    store.take_keys::<Failure>((after, until), position, |message| pieces.add(&message)).await?;
    let kept = kept.map(|kept| kept.pieces.clone());
    let pieces = kept.into_iter().flatten().chain(pieces.end()?).collect();
    Ok(Some(Stream { config: found.config, made: found.made, after: until, pieces }))
}
