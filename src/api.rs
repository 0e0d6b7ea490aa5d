//! Calls of the HTTP API from the command line.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::settings::ApiPlace;

/// How long a call may take; a saga that is asked to try again reads what it has missed first.
const REQUEST: Duration = Duration::from_secs(40);

/// The API of a running program.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    url: String,
}

impl Api {
    /// The one at this place.
    pub(crate) fn at(place: &ApiPlace) -> Result<Self, Failure> {
        Ok(Self { client: client(place.token()?, REQUEST)?, url: place.url()? })
    }

    /// Reads something; `None` when there is no such thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        self.answer(self.client.get(format!("{}{path}", self.url))).await
    }

    /// Asks for something to be done; `None` when there is no such thing.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<Option<T>, Failure> {
        self.answer(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Option<T>, Failure> {
        let answer = request.send().await.map_err(|error| {
            let line = format!(
                "no API answers at {}: start `jetsource serve`, or name another with --api",
                self.url
            );
            Failure::because(if error.is_builder() { Exit::Usage } else { Exit::Unavailable }, line, error)
        })?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(anyhow::Error::from)?;
        if status < 300 {
            return Ok(Some(serde_json::from_str(&text).map_err(anyhow::Error::from)?));
        }
        if status == 404 {
            return Ok(None);
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem["detail"].as_str().map_or_else(|| format!("status {status}"), str::to_owned);
        Err(Failure::new(Exit::of_status(status), detail))
    }
}

/// Who calls an API.
pub(crate) fn client(token: Option<String>, patience: Duration) -> Result<Client, Failure> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::setting("--token-file: the token holds characters that no header may"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let client = Client::builder().default_headers(headers).redirect(Policy::none()).no_proxy();
    Ok(client.timeout(patience).build().map_err(anyhow::Error::from)?)
}
