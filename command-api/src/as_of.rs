//! One thing as it is, or as it was at a version or at a time.

use std::fmt;
use std::str::FromStr;

use event_model::{Decider, Version};
use event_store::Loaded;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::api::Api;
use crate::problem::{Kind, Problem};
use crate::query::Parameters;

/// As of when a thing is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AsOf {
    /// As it is.
    Now,
    /// After its event of this version.
    Version(Version),
    /// After its last event that was not taken in later.
    Time(OffsetDateTime),
}

/// An RFC 3339 time.
struct Moment(OffsetDateTime);

impl AsOf {
    /// From the query, which has nothing else.
    pub(crate) fn take(mut parameters: Parameters) -> Result<Self, Problem> {
        let version = parameters.take::<Version>("version")?;
        let time = parameters.take::<Moment>("at")?;
        parameters.finish()?;
        match (version, time) {
            (None, None) => Ok(Self::Now),
            (Some(Version::START), None) => {
                Err(Problem::malformed("the query parameter version: the first is 1"))
            }
            (Some(version), None) => Ok(Self::Version(version)),
            (None, Some(Moment(time))) => Ok(Self::Time(time)),
            (Some(_), Some(_)) => {
                Err(Problem::malformed("give one of the query parameters version and at, not both"))
            }
        }
    }

    /// The thing as it was then; it has at least one event.
    pub(crate) async fn load<D: Decider>(self, api: &Api, id: &D::Id) -> Result<Loaded<D>, Problem> {
        let name = format!("{} {id}", D::CATEGORY);
        match self {
            Self::Now => Ok(api.store.load::<D>(id).await?),
            Self::Version(wanted) => {
                let found = api.store.load_at::<D>(id, wanted).await?;
                match found.version {
                    version if version == wanted => Ok(found),
                    Version::START => Err(Problem::not_found(&name)),
                    last => Err(gone(format!("{name} has no version {wanted}: its last is {last}"))),
                }
            }
            Self::Time(time) => {
                let found = api.store.load_at_time::<D>(id, time).await?;
                if found.version == Version::START {
                    let events = "its events show when it began, if it is there at all";
                    return Err(gone(format!("{name} was not there yet at that time; {events}")));
                }
                Ok(found)
            }
        }
    }

    /// What shows nothing to a reader.
    pub(crate) fn nothing(self, name: impl fmt::Display) -> Problem {
        match self {
            Self::Now => Problem::not_found(&name.to_string()),
            Self::Version(_) | Self::Time(_) => {
                gone(format!("{name} was not there then: not yet, or no more; its events show when it was"))
            }
        }
    }
}

fn gone(detail: String) -> Problem {
    Problem::new(Kind::NotFound, detail)
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let time = OffsetDateTime::parse(text, &Rfc3339);
        time.map(Self).map_err(|_| "must be an RFC 3339 time such as 2026-01-31T12:00:00Z (with + as %2B)")
    }
}
