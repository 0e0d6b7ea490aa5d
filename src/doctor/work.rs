//! What is behind, stuck, or was refused.

use event_store::{Connection, EventStore, look};
use projections::{ControlError, Report};
use sagas::StuckSagas;

use super::finding::Finding;
use crate::exit::Failure;
use crate::log;
use crate::projections::{names, report};

/// For how long a read model may be behind.
const BEHIND: f64 = 10.0;
const VIEWS: &str = "read models";
const SAGAS: &str = "sagas";
const REFUSED: &str = "refused";

/// All of it, where there is a log that may be opened.
pub(super) async fn look(connection: &Connection, usable: bool) -> Vec<Finding> {
    let unknown = |why: &str| [VIEWS, SAGAS, REFUSED].map(|check| Finding::unknown(check, why)).to_vec();
    if !usable {
        return unknown("there is no log that may be opened");
    }
    let store = match log::opened(connection.clone()).await {
        Ok(store) => store,
        Err(failure) => return unknown(&failure.line()),
    };
    let mut findings = Vec::new();
    for view in names() {
        findings.push(match report(&store, view).await {
            Ok(told) => of_view(view, told),
            Err(failure) => Finding::unknown(VIEWS, format!("{view}: {}", failure.line())),
        });
    }
    findings.push(stuck(&store).await.unwrap_or_else(|failure| Finding::unknown(SAGAS, failure.line())));
    findings.push(refused(&store).await.unwrap_or_else(|failure| Finding::unknown(REFUSED, failure.line())));
    findings
}

fn of_view(view: &str, told: Result<Report, ControlError>) -> Finding {
    let report = match told {
        Ok(report) => report,
        Err(error @ ControlError::NoWorker(_)) => {
            return Finding::warning(VIEWS, format!("{view}: nobody follows the log for it"), error);
        }
        Err(error) => return Finding::unknown(VIEWS, format!("{view}: {error}")),
    };
    let Report { position, behind, seconds_behind, failures, error, .. } = report;
    let far = match (behind, seconds_behind) {
        (Some(0), _) => "caught up".to_owned(),
        (Some(behind), Some(seconds)) => format!("{behind} events, {seconds:.0} s behind"),
        (Some(behind), None) => format!("{behind} events behind"),
        (None, _) => "it is not known how far behind".to_owned(),
    };
    let seen = format!("{view}: at {position}, {far}");
    if let Some(error) = error {
        return Finding::problem(VIEWS, format!("{seen}; stopped: {error}"), "run `jetsource log verify`");
    }
    if failures > 0 {
        let advice = format!("see `jetsource projections failures list {view}`");
        return Finding::warning(VIEWS, format!("{seen}; {failures} rows are set aside"), advice);
    }
    match (behind, seconds_behind) {
        (None, _) => Finding::unknown(VIEWS, seen),
        (Some(behind), Some(seconds)) if behind > 0 && seconds > BEHIND => {
            let advice = "see `jetsource projections status --watch`: it catches up, or its machine is too slow for it";
            Finding::warning(VIEWS, seen, advice)
        }
        (Some(_), _) => Finding::ok(VIEWS, seen),
    }
}

async fn stuck(store: &EventStore) -> Result<Finding, Failure> {
    // Opening the records would make their stream.
    if !look::has_stream(store.connection(), sagas::stuck::STUCK).await? {
        return Ok(Finding::ok(SAGAS, "none is stuck; no process has run any on this broker"));
    }
    let stuck = StuckSagas::open(store).await?.all(None).await?;
    let Some(first) = stuck.first() else { return Ok(Finding::ok(SAGAS, "none is stuck")) };
    let (count, name, id, reason) = (stuck.len(), &first.name, &first.id, &first.reason);
    let seen = format!("{count} cannot go on, for longest {name} {id}: {reason}");
    Ok(Finding::problem(
        SAGAS,
        seen,
        "see `jetsource sagas list --state stuck`, then `sagas show`, `retry` or `abandon`",
    ))
}

async fn refused(store: &EventStore) -> Result<Finding, Failure> {
    // That the rules refuse a command is no trouble by itself: whoever sent it may want to know.
    Ok(match store.refused(1).await?.first() {
        None => Finding::ok(REFUSED, "no command on a subject"),
        Some(newest) => {
            let number = newest.sequence;
            Finding::ok(
                REFUSED,
                format!("commands on subjects, last number {number}: see `jetsource rejected list`"),
            )
        }
    })
}
