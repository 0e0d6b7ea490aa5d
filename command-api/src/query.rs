//! The query of a call, parameter by parameter; unknown ones are refused, so that a typing error does not widen a
//! list, or show another state, in silence.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::request::Parts;

use crate::problem::Problem;

/// How many rows a page has when nobody says.
const PAGE: u32 = 50;
/// The most rows that a page may have.
const LARGEST_PAGE: u32 = 200;

/// The parameters of a query, taken one by one.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) path: String,
    left: BTreeMap<String, String>,
    taken: Vec<(&'static str, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Pairs::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Pairs(pairs) =
            pairs.map_err(|error| Problem::malformed(format!("the query cannot be read: {error}")))?;
        let mut left = BTreeMap::new();
        for (name, value) in pairs {
            if left.insert(name.clone(), value).is_some() {
                return Err(Problem::malformed(format!("the query parameter {name} must stand only once")));
            }
        }
        Ok(Self { path: parts.uri.path().to_owned(), left, taken: Vec::new() })
    }
}

impl Parameters {
    /// A parameter that may be left out.
    pub(crate) fn take<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.left.remove(name) else { return Ok(None) };
        let value = text
            .parse()
            .map_err(|error| Problem::malformed(format!("the query parameter {name}: {error}")))?;
        self.taken.push((name, text));
        Ok(Some(value))
    }

    /// How many rows a page shall have.
    pub(crate) fn limit(&mut self) -> Result<u32, Problem> {
        let limit = self.take("limit")?.unwrap_or(PAGE);
        if (1..=LARGEST_PAGE).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::malformed(format!(
                "the query parameter limit must be 1 to {LARGEST_PAGE}, not {limit}"
            )))
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(100).collect();
                Err(Problem::malformed(format!("{name:?} is not a query parameter of this call")))
            }
        }
    }

    /// The header `Link` to the page after this place (RFC 8288).
    pub(crate) fn next(&self, after: &impl std::fmt::Display) -> String {
        self.link("next", "after", after)
    }

    /// A link to another page of this list: the one after or before a place.
    pub(crate) fn link(&self, relation: &str, name: &str, place: &impl std::fmt::Display) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.taken.iter().filter(|(name, _)| !matches!(*name, "after" | "before")) {
            query.append_pair(name, value);
        }
        query.append_pair(name, &place.to_string());
        format!("<{}?{}>; rel=\"{relation}\"", self.path, query.finish())
    }
}
