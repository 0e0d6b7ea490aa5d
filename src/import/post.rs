//! Posting one command, again where that is safe.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::line::Line;
use crate::exit::{Exit, Failure, one_line};

/// How long a line is tried, and how long nobody may answer before no further line is.
const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(15);
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long lists may take to show what was accepted.
const TO_SHOW: Duration = Duration::from_mins(5);
const LISTS: [&str; 3] = ["/users?limit=1", "/orders?limit=1", "/stock?limit=1"];
const POSITION: HeaderName = HeaderName::from_static("jetsource-position");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY: &str = "idempotency-key";

/// What came of a line.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is done, now or before.
    Accepted { position: Option<u64>, replayed: bool },
    /// It has to be corrected.
    Refused { status: u16, reason: String },
    /// It has to be tried again.
    Failed { status: Option<u16>, reason: String },
}

/// Posts to one API.
#[derive(Debug)]
pub(crate) struct Poster {
    client: Client,
    api: String,
    /// Since when nobody answers, or only that the API is unavailable; `None` while it does its work.
    silent: Mutex<Option<Instant>>,
}

impl Poster {
    /// For the API at this URL.
    pub(crate) fn new(api: String, token: Option<String>) -> Result<Self, Failure> {
        let client = crate::api::client(token, REQUEST)?;
        Ok(Self { client, api, silent: Mutex::default() })
    }

    /// Makes sure that the API is there and lets us in.
    pub(crate) async fn knock(&self) -> Result<(), Failure> {
        let url = format!("{}{}", self.api, LISTS[0]);
        let answer = self.client.get(url).header("prefer", "wait=0").send().await.map_err(|error| {
            let line = format!(
                "no API answers at {}: start `jetsource serve`, or name another with --api",
                self.api
            );
            Failure::because(if error.is_builder() { Exit::Usage } else { Exit::Unavailable }, line, error)
        })?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::setting(format!(
                "the API at {} wants a token that it knows: name its file with --token-file",
                self.api
            )));
        }
        Ok(())
    }

    /// Posts a command. What has a key is tried again for a while when nobody answers.
    pub(crate) async fn post(&self, line: &Line) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        let mut first = true;
        loop {
            let (mut answer, again) = self.once(line).await;
            if let Answer::Accepted { replayed, .. } = &mut answer {
                // Later it may be this very import that did it, whose answer was lost.
                *replayed &= first;
            }
            let Some(wanted) = again.filter(|_| line.key.is_some()) else {
                return answer;
            };
            first = false;
            let wait = wanted.max(pause);
            if Instant::now() + wait > deadline {
                return answer;
            }
            sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whether nobody has answered for so long that further lines would fail too.
    pub(crate) fn is_gone(&self) -> bool {
        self.silent().is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    /// Returns once each list shows what was acknowledged at this position.
    pub(crate) async fn until_shown(&self, position: u64) -> Result<(), String> {
        let deadline = Instant::now() + TO_SHOW;
        for list in LISTS {
            let mut pause = PAUSES.0;
            loop {
                let url = format!("{}{list}", self.api);
                let ask = self.client.get(url).header(POSITION, position).header("prefer", "wait=30");
                let behind = match ask.timeout(Duration::from_secs(45)).send().await {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => {
                        self.heard();
                        refusal(answer).await.1
                    }
                    Err(error) => {
                        self.not_heard();
                        one_line(&error)
                    }
                };
                if self.is_gone() || Instant::now() + pause > deadline {
                    return Err(behind);
                }
                sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
        Ok(())
    }

    /// One try, and after which time it may be repeated where that can help.
    async fn once(&self, line: &Line) -> (Answer, Option<Duration>) {
        let answer = match self.request(line).send().await {
            Ok(answer) => answer,
            // Nothing was sent: it would be the same again.
            Err(error) if error.is_builder() => {
                return (Answer::Refused { status: 400, reason: one_line(&error) }, None);
            }
            Err(error) => {
                self.not_heard();
                return (Answer::Failed { status: None, reason: one_line(&error) }, Some(Duration::ZERO));
            }
        };
        let status = answer.status();
        let again = retry_after(answer.headers());
        if status.is_success() {
            self.heard();
            let position = answer.headers().get(POSITION).and_then(|value| value.to_str().ok()?.parse().ok());
            let replayed = answer.headers().contains_key(REPLAYED);
            return (Answer::Accepted { position, replayed }, None);
        }
        let (slug, reason) = refusal(answer).await;
        let failed =
            |again| (Answer::Failed { status: Some(status.as_u16()), reason: reason.clone() }, again);
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                self.not_heard();
                return failed(Some(again.unwrap_or_default()));
            }
            _ => self.heard(),
        }
        match status {
            StatusCode::TOO_MANY_REQUESTS => failed(Some(again.unwrap_or_default())),
            // The first call with this key is still under way.
            StatusCode::CONFLICT if slug == "conflict" && again.is_some() => failed(again),
            _ if status.is_client_error() => (Answer::Refused { status: status.as_u16(), reason }, None),
            _ => failed(None),
        }
    }

    fn request(&self, line: &Line) -> RequestBuilder {
        let mut request = self.client.request(line.method.clone(), format!("{}{}", self.api, line.path));
        if let Some(body) = &line.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.get().to_owned());
        }
        if let Some(key) = &line.key {
            request = request.header(KEY, key);
        }
        request
    }

    fn silent(&self) -> MutexGuard<'_, Option<Instant>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) {
        *self.silent() = None;
    }

    fn not_heard(&self) {
        self.silent().get_or_insert_with(Instant::now);
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The slug of a problem, and the problem in one line.
async fn refusal(answer: Response) -> (String, String) {
    let status = answer.status();
    let problem = answer.json::<Value>().await.unwrap_or_default();
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let slug = text(&problem, "type").rsplit('/').next().unwrap_or_default().to_owned();
    if slug.is_empty() {
        return (slug, status.to_string());
    }
    let mut reason = format!("{slug}: {}", text(&problem, "detail"));
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = write!(reason, "; {}: {}", text(error, "pointer"), text(error, "detail"));
    }
    (slug, reason.split_whitespace().collect::<Vec<_>>().join(" "))
}
