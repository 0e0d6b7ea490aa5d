//! For operators and load balancers.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event_store::StoreError;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Report;
use serde::Serialize;

use crate::api::Api;
use crate::problem::{Kind, Problem};

/// `GET /livez`
pub(crate) async fn livez() -> &'static str {
    "alive\n"
}

/// What `GET /readyz` answers.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    /// What somebody should look at, and keeps nobody from serving.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// How each view is, for who asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    views: Option<Vec<Report>>,
}

/// `GET /readyz`, and `?verbose` for how each view is.
pub(crate) async fn readyz(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let mut reasons = Vec::new();
    let looked = match api.store.head().await {
        // Nothing is asked once writers were let in on this connection.
        Ok(_) => api.store.settle().await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(()) => {}
        Err(error @ StoreError::Corrupt(_)) => reasons.push(format!("log: {error}")),
        Err(error) => {
            reasons.push(format!("broker: {error}; commands and single reads answer 503 until it is back"));
        }
    }
    if api.leaving.is_cancelled() {
        reasons.push("this node is about to end; what is sent to it meanwhile is still done".into());
    }
    if let Err(error) = api.views.look_at_all().await {
        reasons.push(format!("views: {error}; lists answer 503 until they can be"));
    }
    let mut notes = Vec::new();
    for view in api.views.statuses() {
        let (name, failures) = (view.name, view.failures);
        reasons.extend(view.error.map(|error| format!("view {name}: {error}")));
        if failures > 0 {
            notes.push(format!(
                "view {name}: {failures} rows are set aside, see `jetsource projections failures list {name}`"
            ));
        }
    }
    let verbose =
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("verbose")));
    let views = verbose.then(|| api.views.reports());
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, reasons, notes, views })).into_response()
}

/// `GET /metrics`
pub(crate) async fn metrics(State(metrics): State<PrometheusHandle>) -> Response {
    metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
}

impl FromRef<Api> for PrometheusHandle {
    fn from_ref(api: &Api) -> Self {
        api.metrics.clone()
    }
}

/// What a process shows that has no API.
pub(crate) fn without_the_api(metrics: PrometheusHandle) -> Router {
    Router::new().route("/livez", get(livez)).route("/metrics", get(self::metrics)).with_state(metrics)
}

/// `GET /problems/{slug}`
pub(crate) async fn problem(slug: Result<Path<String>, PathRejection>) -> Result<Html<String>, Problem> {
    let kind = slug.ok().and_then(|Path(slug)| Kind::ALL.into_iter().find(|kind| kind.slug() == slug));
    let kind = kind.ok_or_else(|| Problem::not_found("this problem"))?;
    let slug = kind.slug();
    let (title, status, advice) = (kind.title(), kind.status(), kind.advice());
    Ok(Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{slug}</title>\
         <h1>{title}</h1><p><code>{slug}</code>, HTTP {status}</p><p>{advice}</p></html>\n"
    )))
}
