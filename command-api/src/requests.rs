//! Commands on subjects that are answered: a NATS service over the same core as the inbox.
//!
//! What it counts: `jetsource_requests_seconds`, by `category` and `status` (that of HTTP).

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use event_model::{Position, Version};
use event_store::{Reply, Request, StoreError};
use futures_util::FutureExt as _;
use metrics::histogram;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::api::Api;
use crate::problem::Problem;
use crate::server::END;
use crate::subject::{CATEGORIES, Carried, Unmet, carry_out};

/// The name of the service.
pub const NAME: &str = "jetsource";
/// How many are answered at once; the others wait.
const AT_ONCE: usize = 256;
/// How long it may take to hear that no more come; while the broker is away nobody says so.
const LAST: Duration = Duration::from_secs(1);

/// Those who ask, and are answered from here on.
#[derive(Debug)]
pub struct Requests {
    api: Api,
    requests: event_store::Requests,
}

/// What is answered of a command that was carried out.
#[derive(Debug, Serialize)]
struct Answer {
    version: Version,
    position: Position,
}

impl Requests {
    /// Becomes one of those who answer; returns once the broker knows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the broker does not answer.
    pub async fn open(api: Api) -> Result<Self, StoreError> {
        let requests = api.store.requests(NAME, env!("CARGO_PKG_VERSION"), &CATEGORIES).await?;
        Ok(Self { api, requests })
    }

    /// Answers until [`Api::ending`] is cancelled; what has come by then has 10 s to be answered.
    ///
    /// # Errors
    /// None.
    pub async fn run(mut self) -> Result<(), Infallible> {
        let (under_way, places) = (TaskTracker::new(), Arc::new(Semaphore::new(AT_ONCE)));
        let ending = self.api.ending.clone();
        while let Some(Some(request)) = ending.run_until_cancelled(self.requests.next()).await {
            self.spawn(request, &under_way, &places).await;
        }
        self.requests.close().await;
        let rest = async {
            while let Ok(Some(request)) = timeout(LAST, self.requests.next()).await {
                self.spawn(request, &under_way, &places).await;
            }
            under_way.close();
            under_way.wait().await;
        };
        if timeout(END, rest).await.is_err() {
            tracing::warn!("requests on subjects were still under way after 10 s");
        }
        Ok(())
    }

    async fn spawn(&self, request: Request, under_way: &TaskTracker, places: &Arc<Semaphore>) {
        let place = Arc::clone(places).acquire_owned().await;
        let (api, id) = (self.api.clone(), Uuid::now_v7().to_string());
        let span = tracing::info_span!(
            "request",
            subject = request.subject(),
            request_id = id,
            entity = tracing::field::Empty,
            position = tracing::field::Empty
        );
        under_way.spawn(
            async move {
                let _place = place;
                answer(&api, &request, &id).await;
            }
            .instrument(span),
        );
    }
}

async fn answer(api: &Api, request: &Request, id: &str) {
    let started = Instant::now();
    let carried = AssertUnwindSafe(carry_out(api, &request.command, request.has_id)).catch_unwind().await;
    let problem = match carried {
        Ok(Ok(Carried { version, position })) => {
            request.answer(Reply { error: None, body: json(&Answer { version, position }) }).await;
            None
        }
        Ok(Err(Unmet::Refused(problem) | Unmet::Later(problem))) => Some(problem),
        Ok(Err(Unmet::Broken(why))) => Some(Problem::internal(&why)),
        Err(_) => Some(Problem::internal(&"a request on a subject made the program panic")),
    };
    let mut status = 200;
    if let Some(problem) = problem {
        status = problem.kind.status().as_u16();
        let error = Some((status, problem.kind.title().to_owned()));
        request.answer(Reply { error, body: json(&problem.body(request.subject(), id)) }).await;
    }
    let category = request.command.as_ref().map(|command| command.entity.category.as_str());
    let category = category.ok().and_then(|asked| CATEGORIES.into_iter().find(|known| *known == asked));
    histogram!(
        "jetsource_requests_seconds", "category" => category.unwrap_or("none"), "status" => status.to_string()
    )
    .record(started.elapsed().as_secs_f64());
}

fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}
