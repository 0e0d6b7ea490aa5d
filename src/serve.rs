//! `jetsource serve`: the roles on their broker, from the first start line to the orderly end.

mod broker;
mod doors;
mod lines;
mod measure;
mod roles;
mod sagas;
mod signals;
mod views;

use event_model::Projection;
use event_store::{EventStore, StoreError};
use nats_launcher::DataDir;
use projections::{RunError, Views};

use crate::endpoints::{Endpoints, Ready};
use crate::exit::{Exit, Failure};
use crate::read_models::each_read_model;
use crate::settings::{LogFormat, Role, Serve};
use broker::Broker;
pub(crate) use doors::CLAIM_KEY;
use doors::Doors;
use lines::StartLines;
use measure::Numbers;
use roles::Roles;

/// Serves until a signal asks for the end, or a role dies.
pub(crate) async fn run(settings: Serve, format: LogFormat) -> Result<(), Failure> {
    settings.check()?;
    let asked = signals::listen()?;
    let data = DataDir::lock(&settings.data_dir)?;
    let ready = Ready::not_yet(data.path(), settings.ready_file.as_deref()).map_err(|error| {
        Failure::because(Exit::Usage, "what an earlier run left cannot be removed: see --ready-file", error)
    })?;
    let doors = if settings.runs(Role::Api) { Some(Doors::bind(&settings).await?) } else { None };
    let numbers = Numbers::begin(&settings).await?;
    let home = settings.views(data.path())?;
    let views = Views::open(&home).await?;

    let broker = tokio::select! {
        broker = Broker::start(&settings, data.path()) => broker?,
        // Nothing runs yet that must finish.
        () = asked.end.cancelled() => return Ok(()),
    };
    let lines = StartLines::of(&settings, data.path(), &home, doors.as_ref(), &broker);
    let http = doors.as_ref().map(Doors::url);
    let endpoints = Endpoints { http, nats: broker.url().to_owned(), pid: std::process::id() };
    let mut roles = Roles::default();
    let serving = async {
        start(&settings, &mut roles, numbers, doors, views, &broker).await?;
        lines.print(format)?;
        ready.now(&endpoints).map_err(|error| {
            Failure::because(Exit::Usage, "the ready file cannot be written: see --ready-file", error)
        })?;
        Err(roles.dead().await)
    };
    let mut served = tokio::select! {
        served = serving => served,
        () = asked.end.cancelled() => Ok(()),
    };
    if served.is_ok() {
        served = roles.leave(settings.drain, &asked.hurry).await;
    }
    // Before the doors close: who looks from now on finds nobody.
    drop(ready);
    roles.end().await;
    broker.stop().await;
    if served.is_ok() {
        tracing::info!("ended in order");
    }
    served
}

/// Starts each role that is asked for; those that write the views before the one that reads them.
async fn start(
    settings: &Serve,
    roles: &mut Roles,
    numbers: Numbers,
    doors: Option<Doors>,
    views: Views,
    broker: &Broker,
) -> Result<(), Failure> {
    let store = broker.store();
    let metrics = numbers.start(roles, broker, &views);
    if settings.runs(Role::Projections) {
        project(roles, &views, store).await?;
    } else {
        each_read_model!(|View| views.register::<View>().await?);
    }
    if settings.runs(Role::Sagas) {
        sagas::open(settings, store).await?;
    }
    if settings.runs(Role::Api) || settings.runs(Role::Sagas) {
        settle(roles, store).await;
    }
    if settings.runs(Role::Sagas) {
        sagas::start(roles, settings, store);
    }
    if let Some(doors) = doors {
        doors.open(roles, store, views, metrics).await?;
    }
    Ok(())
}

/// Has whatever a power cut took apart settled before the doors open, and again whenever the broker was away. A log that
/// is not what was written to it takes no commands; `/readyz` says so.
async fn settle(roles: &mut Roles, store: &EventStore) {
    if let Err(error) = store.settle().await {
        tracing::error!(%error, "the log cannot be written to");
    }
    let (store, stop) = (store.clone(), roles.stop_workers());
    roles.worker("settling", async move {
        stop.run_until_cancelled(store.keep_settled()).await;
        Ok::<_, StoreError>(())
    });
}

/// A worker for each read model.
async fn project(roles: &mut Roles, views: &Views, store: &EventStore) -> Result<(), Failure> {
    each_read_model!(|View| follow::<View>(roles, views, store).await?);
    views::measure(roles, views);
    sagas::measure(roles, views);
    Ok(())
}

/// Runs a worker. One that meets another log than its view was built from goes no further, and the program stays to
/// say so: lists go on as they are, commands are refused.
async fn follow<P: Projection>(roles: &mut Roles, views: &Views, store: &EventStore) -> Result<(), Failure> {
    let name = format!("projections ({})", P::NAME);
    let worker = views.worker::<P>().await?;
    let (desk, asked, end) = (views.desk(P::NAME)?, store.clone(), roles.stop_workers());
    roles.worker(&name, async move { desk.run(asked, end.cancelled_owned()).await });
    let (store, stop) = (store.clone(), roles.stop_workers());
    roles.worker(&name, async move {
        match worker.run(store, stop.clone().cancelled_owned()).await {
            Err(RunError::Log(StoreError::Corrupt(why))) => {
                tracing::error!(view = P::NAME, why, "the log is not the one that this view was built from");
                stop.cancelled().await;
                Ok(())
            }
            ended => ended,
        }
    });
    Ok(())
}
