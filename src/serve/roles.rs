//! The roles that run, and how they end: together when one of them dies, in order when the end is asked for.

use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Failure, one_line};

/// How long what runs may take to finish: what the API gives its requests, and a moment more.
const TO_FINISH: Duration = Duration::from_millis(10_500);
/// How long the workers may take for the batch under way.
const TO_FLUSH: Duration = Duration::from_secs(5);

/// The roles that run: doors, through which work comes in, and workers behind them.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    doors: Group,
    workers: Group,
}

/// Roles that are asked to end together.
#[derive(Debug, Default)]
struct Group {
    stop: CancellationToken,
    tasks: JoinSet<Ended>,
}

/// A role that runs no more, and why.
#[derive(Debug)]
struct Ended {
    name: String,
    why: Option<String>,
}

impl Roles {
    /// Asks the doors to close.
    pub(crate) fn stop_doors(&self) -> CancellationToken {
        self.doors.stop.clone()
    }

    /// Asks the workers to finish.
    pub(crate) fn stop_workers(&self) -> CancellationToken {
        self.workers.stop.clone()
    }

    /// Runs a role that takes work in.
    pub(crate) fn door<E: Error + 'static>(
        &mut self,
        name: &str,
        role: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.doors.tasks.spawn(watched(name.to_owned(), role));
    }

    /// Runs a role that works behind the doors.
    pub(crate) fn worker<E: Error + 'static>(
        &mut self,
        name: &str,
        role: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.workers.tasks.spawn(watched(name.to_owned(), role));
    }

    /// Returns when a role has ended unasked. Safe to drop and call again.
    pub(crate) async fn dead(&mut self) -> Failure {
        let ended = tokio::select! {
            Some(ended) = self.doors.tasks.join_next() => ended,
            Some(ended) = self.workers.tasks.join_next() => ended,
            else => std::future::pending().await,
        };
        let line = match ended {
            Ok(Ended { name, why: Some(why) }) => format!("role {name} died: {why}"),
            Ok(Ended { name, why: None }) => format!("role {name} ended unasked"),
            Err(error) => format!("a role was lost: {error}"),
        };
        Failure::new(Exit::Failed, line)
    }

    /// Closes the doors and lets what runs finish, then the workers.
    pub(crate) async fn end(self) {
        self.doors.end(TO_FINISH).await;
        self.workers.end(TO_FLUSH).await;
    }
}

impl Group {
    async fn end(mut self, limit: Duration) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(limit, all).await.is_err() {
            tracing::warn!(seconds = limit.as_secs_f64(), "a role did not end in time, it is cut off");
            self.tasks.shutdown().await;
        }
    }
}

/// The role's end, a panic too, told with its name.
async fn watched<E: Error + 'static>(
    name: String,
    role: impl Future<Output = Result<(), E>> + Send,
) -> Ended {
    let why = match AssertUnwindSafe(role).catch_unwind().await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(one_line(&error)),
        Err(panic) => Some(format!("it panicked: {}", said(panic.as_ref()))),
    };
    Ended { name, why }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[tokio::test]
    async fn a_role_that_dies_is_named_with_its_reason() {
        let mut roles = Roles::default();
        roles.worker("sleeper", std::future::pending::<io::Result<()>>());
        roles.door("api", async { Err(io::Error::other("no more sockets")) });
        let failure = format!("{:?}", roles.dead().await);
        assert!(failure.contains("role api died: no more sockets"), "{failure}");
    }

    #[tokio::test]
    async fn a_panic_is_the_death_of_its_role() {
        let mut roles = Roles::default();
        roles.worker("worker", async {
            assert_eq!(1, 2, "sums are off");
            io::Result::Ok(())
        });
        let failure = format!("{:?}", roles.dead().await);
        assert!(
            failure.contains("role worker died: it panicked") && failure.contains("sums are off"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn doors_close_before_workers_are_asked_to_end() {
        let mut roles = Roles::default();
        let (doors, workers) = (roles.stop_doors(), roles.stop_workers());
        let seen = workers.clone();
        roles.door("api", async move {
            doors.cancelled().await;
            assert!(!seen.is_cancelled());
            io::Result::Ok(())
        });
        roles.worker("worker", async move {
            workers.cancelled().await;
            io::Result::Ok(())
        });
        roles.end().await;
    }
}
