//! Somebody who calls the API.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Who calls, and where.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: Client,
    http: String,
}

/// A call that is being put together.
#[must_use]
pub(crate) struct Call(RequestBuilder);

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: String,
}

impl Caller {
    pub(crate) fn at(http: &str) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(40)).build().unwrap();
        Self { client, http: http.to_owned() }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Call(self.client.request(method, format!("{}{path}", self.http)))
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).body(body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Call {
        self.call("PUT", path).body(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// Sends a keyed POST and never reads what comes; dropping what this returns hangs up.
    pub(crate) async fn post_unheard(&self, path: &str, key: &str, body: &Value) -> TcpStream {
        let host = self.http.strip_prefix("http://").unwrap();
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nidempotency-key: {key}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

impl Call {
    pub(crate) fn body(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(self, body: &str) -> Self {
        Self(self.0.header("content-type", "application/json").body(body.to_owned()))
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// The answer, or why there is none.
    pub(crate) async fn try_answer(self) -> Result<Answer, reqwest::Error> {
        let answer = self.0.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Answer { status, headers, body: answer.text().await? })
    }

    pub(crate) async fn answer(self) -> Answer {
        self.try_answer().await.unwrap()
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> impl Future<Output = Answer> {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.answer().await;
            assert_eq!(answer.status, status, "{place}: {answer:?}");
            answer
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The id of what was made.
    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn version(&self) -> u64 {
        self.json()["version"].as_u64().unwrap()
    }

    pub(crate) fn position(&self) -> u64 {
        self.header("jetsource-position").unwrap().parse().unwrap()
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// Which problem this is; empty when it is none.
    pub(crate) fn problem(&self) -> String {
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["type"].as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned()
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// All that a repetition must give back.
    fn substance(&self) -> (u16, &str, [Option<&str>; 4]) {
        let headers =
            ["etag", "location", "jetsource-position", "content-type"].map(|name| self.header(name));
        (self.status, &self.body, headers)
    }

    /// This answers a repetition of the call that was answered so first.
    #[track_caller]
    pub(crate) fn repeats(&self, first: &Self) {
        assert_eq!(self.substance(), first.substance());
        assert!(self.is_replayed(), "it does not say that it is a repetition: {self:?}");
    }
}
