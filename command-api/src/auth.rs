//! Who may call: bearer tokens from a file.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::problem::{Kind, Problem};

/// The bearer tokens that are let in, by their digests: looking one up takes as long for a near miss as for any.
#[derive(Clone, Default)]
pub struct Tokens(Arc<HashMap<[u8; 32], Arc<str>>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// The name of the token that a request carries.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Arc<str>);

/// What is wrong with a token file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFileError {
    /// A line that is not `name token`.
    #[error("line {0} is not `name token`")]
    Line(usize),
    /// Nobody could call.
    #[error("it holds no token")]
    Empty,
}

impl Tokens {
    /// Reads a token file: `name token` a line; empty lines and lines that begin with `#` are left out.
    ///
    /// # Errors
    /// [`TokenFileError`], with the line.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let mut tokens = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let (Some(name), Some(token), None) = (words.next(), words.next(), words.next()) else {
                return Err(TokenFileError::Line(index + 1));
            };
            tokens.insert(Sha256::digest(token).into(), Arc::from(name));
        }
        if tokens.is_empty() { Err(TokenFileError::Empty) } else { Ok(Self(Arc::new(tokens))) }
    }

    fn caller(&self, request: &Request) -> Option<Caller> {
        let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        let digest: [u8; 32] = Sha256::digest(token.trim()).into();
        let name = self.0.get(&digest).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        Some(Caller(Arc::clone(name)))
    }
}

/// Lets in whoever carries a token, and everybody when there are none.
pub(crate) async fn guard(
    State(tokens): State<Option<Tokens>>,
    mut request: Request,
    next: Next,
) -> Response {
    let open = matches!(request.uri().path(), "/livez" | "/readyz");
    if let Some(tokens) = tokens.filter(|_| !open) {
        let Some(caller) = tokens.caller(&request) else {
            let detail = "send Authorization: Bearer TOKEN with a token from the server's token file";
            return Problem::new(Kind::Unauthorized, detail).into_response();
        };
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_is_read_line_by_line() {
        let tokens = Tokens::parse("# who may call\nshop s3cret\n\n  till  t0ken \n").unwrap();
        let caller = |value: &str| {
            let request =
                Request::builder().header("authorization", value).body(axum::body::Body::empty()).unwrap();
            tokens.caller(&request).map(|caller| caller.0.to_string())
        };
        assert_eq!(caller("Bearer s3cret"), Some("shop".into()));
        assert_eq!(caller("bearer t0ken"), Some("till".into()));
        assert_eq!(caller("Bearer S3cret"), None);
        assert_eq!(caller("Basic s3cret"), None);
        assert_eq!(Tokens::parse("shop\n").unwrap_err(), TokenFileError::Line(1));
        assert_eq!(Tokens::parse("\n# none\n").unwrap_err(), TokenFileError::Empty);
    }
}
