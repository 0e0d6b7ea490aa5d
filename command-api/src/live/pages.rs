//! The log as pages of JSON, in either direction. A page looks through so many positions and no more, however few of
//! them are wanted: it says how far it got, and where to go on.

use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use event_model::{Position, Recorded};
use event_store::{Entry, EventStore, Filter, StoreError, cloud_event};
use tokio::time::sleep;

use super::filter;
use crate::call::POSITION;
use crate::problem::Problem;
use crate::query::Parameters;

/// How many positions one page looks through.
const FAR: u64 = 5000;
/// How many are read at once.
const STEP: usize = 1000;
/// How often a replica that is behind is asked again, and how soon.
const TRIES: u32 = 200;
const AGAIN: Duration = Duration::from_millis(5);

/// In which order a page shows what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// What was looked through: all from one position to the other, and what of it is wanted.
#[derive(Debug)]
struct Looked {
    first: Position,
    last: Position,
    /// Oldest first.
    found: Vec<Recorded>,
}

impl FromStr for Order {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err("must be asc or desc"),
        }
    }
}

/// One page.
pub(crate) async fn page(store: &EventStore, mut parameters: Parameters) -> Result<Response, Problem> {
    let filter = filter::taken(&mut parameters)?;
    let limit = parameters.limit()? as usize;
    let order = parameters.take("order")?.unwrap_or(Order::Ascending);
    let (after, before) = (parameters.take("after")?, parameters.take("before")?);
    parameters.finish()?;
    let head = store.head().await?;
    let (looked, reached) = match (after, before, order) {
        (Some(_), Some(_), _) => {
            return Err(Problem::malformed("send one of the query parameters after and before"));
        }
        (Some(after), None, _) => look_on(store, &filter, after, head, limit).await?,
        (None, Some(before), _) => look_back(store, &filter, before, head, limit).await?,
        (None, None, Order::Ascending) => look_on(store, &filter, Position::START, head, limit).await?,
        (None, None, Order::Descending) => look_back(store, &filter, head.next(), head, limit).await?,
    };
    let back = (looked.first > Position::new(1)).then_some(("before", looked.first));
    let on = (looked.last < head).then_some(("after", looked.last));
    let (next, prev) = if order == Order::Ascending { (on, back) } else { (back, on) };
    let mut events = looked.found.iter().map(cloud_event::to_json).collect::<Result<Vec<_>, _>>()?;
    if order == Order::Descending {
        events.reverse();
    }
    let body = format!("[{}]", events.join(","));
    let mut answer = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    answer.headers_mut().insert(POSITION, HeaderValue::from(reached.get()));
    let links = [("next", next), ("prev", prev)].into_iter().filter_map(|(relation, place)| {
        place.map(|(name, position)| parameters.link(relation, name, &position))
    });
    let links = links.collect::<Vec<_>>().join(", ");
    if let Some(links) = HeaderValue::try_from(links).ok().filter(|links| !links.is_empty()) {
        answer.headers_mut().insert(header::LINK, links);
    }
    Ok(answer)
}

/// What lies behind a position, and the last position that was looked at.
async fn look_on(
    store: &EventStore,
    filter: &Filter,
    after: Position,
    head: Position,
    limit: usize,
) -> Result<(Looked, Position), Problem> {
    let end = head.min(Position::new(after.get().saturating_add(FAR)));
    let (mut last, mut found, mut tries) = (after, Vec::new(), 0);
    while last < end && found.len() < limit {
        let (entries, passed) = match &filter.entity {
            // Nothing else is read for it, so it may look as far as the log goes.
            Some(entity) => {
                let (entries, more) = store.log_of_after(entity, last).await?;
                (entries, if more { Position::START } else { head })
            }
            None => (store.log_after(last, STEP).await?.0, Position::START),
        };
        let before = last;
        for entry in entries {
            if found.len() == limit {
                break;
            }
            last = entry.position();
            found.extend(wanted(filter, entry));
        }
        if found.len() < limit {
            last = last.max(passed);
        }
        if last == before {
            // A replica answered that is still behind the leader.
            tries += 1;
            if tries == TRIES {
                return Err(StoreError::Unavailable("no replica is as far as the leader".into()).into());
            }
            sleep(AGAIN).await;
        }
    }
    Ok((Looked { first: after.next(), last, found }, last))
}

/// What lies before a position, and the first position that was looked at.
async fn look_back(
    store: &EventStore,
    filter: &Filter,
    before: Position,
    head: Position,
    limit: usize,
) -> Result<(Looked, Position), Problem> {
    let before = before.min(head.next());
    let end = before.get().saturating_sub(FAR).max(1);
    let (mut first, mut found) = (before, Vec::new());
    while first.get() > end && found.len() < limit {
        let (entries, _) = store.log_before(first, STEP).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if found.len() == limit {
                break;
            }
            first = entry.position();
            found.extend(wanted(filter, entry));
        }
    }
    found.reverse();
    let last = Position::new(before.get().saturating_sub(1));
    Ok((Looked { first, last, found }, first))
}

fn wanted(filter: &Filter, entry: Entry) -> Option<Recorded> {
    match entry {
        Entry::Event(event) => Some(event).filter(|event| filter.wants(event)),
        Entry::Foreign(_) => None,
    }
}
