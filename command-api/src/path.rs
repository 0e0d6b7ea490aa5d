//! Ids in the path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::value::Invalid;

use crate::problem::Problem;

/// The one id of a path, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = Invalid>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Problem::malformed("the path must be UTF-8, percent-encoded"))?;
        let (_, text) = params.iter().next().ok_or_else(|| Problem::malformed("the path has no id"))?;
        text.parse()
            .map(Id)
            .map_err(|invalid: Invalid| Problem::malformed(format!("the id in the path: {invalid}")))
    }
}
