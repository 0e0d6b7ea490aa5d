//! From where on somebody listens.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use event_model::Position;
use event_store::{EventStore, StoreError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call;
use crate::problem::Problem;
use crate::query::Parameters;

/// What `EventSource` sends when it connects again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A place on the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Before the first event.
    Start,
    /// Behind the last one.
    End,
    /// Behind this position.
    After(Position),
    /// Before the first event that was taken in at this time or later.
    At(OffsetDateTime),
}

impl FromStr for Begin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = || OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::At);
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => text
                .parse()
                .ok()
                .map(Self::After)
                .or_else(time)
                .ok_or("must be start, end, a position or an RFC 3339 time (with + as %2B)"),
        }
    }
}

impl Begin {
    /// What the header `Last-Event-ID` names, else the query, else the end.
    pub(crate) fn taken(headers: &HeaderMap, parameters: &mut Parameters) -> Result<Self, Problem> {
        let from = parameters.take("from")?.unwrap_or(Self::End);
        let last = call::one(headers, &LAST_EVENT_ID)?.filter(|id| !id.is_empty());
        let last = last.map(|id| {
            id.parse().map(Self::After).map_err(|_| {
                Problem::malformed("Last-Event-ID must be a position, as the stream gave it in id:")
            })
        });
        Ok(last.transpose()?.unwrap_or(from))
    }

    /// The position behind which it is; `None` while the broker is away and cannot be asked.
    pub(crate) async fn position(self, store: &EventStore) -> Result<Option<Position>, Problem> {
        match self.look(store).await {
            Ok(position) => Ok(Some(position)),
            Err(NoPlace::Beyond(asked, head)) => Err(beyond(asked, head)),
            Err(NoPlace::Unknown(_)) => Ok(None),
        }
    }

    /// The position behind which it is.
    pub(crate) async fn look(self, store: &EventStore) -> Result<Position, NoPlace> {
        match self {
            Self::Start => Ok(Position::START),
            Self::At(time) => Ok(store.position_before(time).await?),
            Self::End => Ok(store.head().await?),
            Self::After(position) => match store.head().await? {
                head if position > head => Err(NoPlace::Beyond(position, head)),
                _ => Ok(position),
            },
        }
    }
}

/// Why there is no such place.
#[derive(Debug)]
pub(crate) enum NoPlace {
    /// The log ends before it.
    Beyond(Position, Position),
    /// The log cannot be asked just now.
    Unknown(StoreError),
}

impl From<StoreError> for NoPlace {
    fn from(error: StoreError) -> Self {
        Self::Unknown(error)
    }
}

fn beyond(asked: Position, head: Position) -> Problem {
    Problem::malformed(format!(
        "position {asked} is not on the log, which ends at {head}: it is not the log that gave this position; begin \
         with from=start or from=end"
    ))
}
