//! A caller of the API, and the answers it gets.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Program;

/// More than any answer of a loaded machine takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program that the tests of the moment share: each keeps to users, orders and articles of its own.
static SHARED: Mutex<Weak<Program>> = Mutex::new(Weak::new());

/// A caller of a program, which runs for as long as somebody calls it.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) program: Arc<Program>,
    http: Client,
}

/// What a call was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Each kind of problem and its status, as the contract lists them.
pub(crate) const PROBLEMS: [(&str, u16); 16] = [
    ("malformed-request", 400),
    ("unauthorized", 401),
    ("not-found", 404),
    ("method-not-allowed", 405),
    ("conflict", 409),
    ("email-taken", 409),
    ("order-state", 409),
    ("version-mismatch", 412),
    ("payload-too-large", 413),
    ("unsupported-media-type", 415),
    ("invalid-request", 422),
    ("unknown-user", 422),
    ("idempotency-key-reused", 422),
    ("projection-behind", 503),
    ("unavailable", 503),
    ("internal", 500),
];

impl Api {
    /// The shared program's; it is started where none runs.
    pub(crate) fn shared() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let program = shared.upgrade().unwrap_or_else(|| Arc::new(Program::start()));
        *shared = Arc::downgrade(&program);
        Self::of(program)
    }

    pub(crate) fn of(program: Arc<Program>) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The server lets idle connections go after 5 s: be the first.
            .pool_idle_timeout(Duration::from_secs(2))
            .timeout(PATIENCE)
            .build();
        Self { program, http: http.unwrap() }
    }

    /// A call such as `PUT /users/7`; a body of `null` is none. Every answer has an id of the request.
    pub(crate) async fn call(&self, line: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let json = [("content-type", "application/json")];
        let named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let mut headers = headers.to_vec();
        headers.extend(json.iter().filter(|_| !named && !bytes.is_empty()));
        self.send(line, &headers, bytes).await
    }

    /// A call with exactly these headers and bytes.
    pub(crate) async fn send(&self, line: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let (method, path) = line.split_once(' ').expect("METHOD /path");
        let url = format!("{}{path}", self.program.http());
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{line}: {error:?}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() };
        assert!(answer.header("x-request-id").is_some(), "{line}: {answer:?}");
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(&format!("GET {path}"), &[], Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(&format!("POST {path}"), &[], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(&format!("PUT {path}"), &[], body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(&format!("DELETE {path}"), &[], Value::Null).await
    }

    /// A new user.
    pub(crate) async fn user(&self) -> Value {
        self.post("/users", json!({"name": "Ann", "email": fresh_email()})).await.created()
    }

    /// A new order of this user over 3 × 250, placed or a draft.
    pub(crate) async fn order(&self, user: &Value, draft: bool) -> Value {
        let body = json!({"user_id": user["id"], "lines": [line("tea", 3, 250)], "draft": draft});
        self.post("/orders", body).await.created()
    }

    /// The path of a user or an order that an answer showed.
    pub(crate) fn path(thing: &Value) -> String {
        let kind = if thing.get("user_id").is_some() { "orders" } else { "users" };
        format!("/{kind}/{}", thing["id"].as_str().unwrap())
    }

    /// How many events something has.
    pub(crate) async fn events(&self, thing: &Value) -> usize {
        self.get(&format!("{}/events", Self::path(thing))).await.ok().as_array().unwrap().len()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        self.json()
    }

    /// The body of a 201.
    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{self}");
        self.json()
    }

    /// The body of this problem, looked at as closely as any tool does.
    #[track_caller]
    pub(crate) fn problem(&self, slug: &str) -> Value {
        let status = PROBLEMS.iter().find(|(known, _)| *known == slug).expect("a slug of the contract").1;
        assert_eq!(self.status, status, "{slug}: {self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        assert!(self.header("x-request-id").is_some(), "{self}");
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{slug}"), "{self}");
        assert_eq!(body["status"], status, "{self}");
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{self}");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 8), "{self}");
        assert!(body["instance"].is_string(), "{self}");
        for (member, _) in body.as_object().unwrap() {
            let known = ["type", "title", "status", "detail", "instance", "errors", "trace_id"];
            assert!(known.contains(&member.as_str()), "{self}");
        }
        assert_eq!(body.get("trace_id").is_some(), slug == "internal", "{self}");
        body
    }

    /// The pointers of an `invalid-request`, in their order.
    #[track_caller]
    pub(crate) fn wrong_fields(&self) -> Vec<String> {
        let body = self.problem("invalid-request");
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{self}"));
        assert!(errors.iter().all(|error| error["detail"].as_str().is_some_and(|why| !why.is_empty())));
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// The number in the entity tag.
    #[track_caller]
    pub(crate) fn version(&self) -> u64 {
        let tag = self.header("etag").unwrap_or_else(|| panic!("no ETag: {self}"));
        tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap().parse().unwrap()
    }

    #[track_caller]
    pub(crate) fn position(&self) -> u64 {
        self.header("jetsource-position").unwrap_or_else(|| panic!("no position: {self}")).parse().unwrap()
    }

    /// The target of `Link: <…>; rel="next"`.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.header("link")?;
        let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        Some(target.unwrap_or_else(|| panic!("{link}")).to_owned())
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2000).collect();
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

pub(crate) fn fresh_id() -> String {
    Uuid::now_v7().to_string()
}

pub(crate) fn fresh_email() -> String {
    format!("ann-{}@example.com", Uuid::new_v4().simple())
}

pub(crate) fn fresh_sku(name: &str) -> String {
    format!("{name}-{}", Uuid::new_v4().simple())
}

/// A line of an order.
pub(crate) fn line(sku: &str, quantity: u64, unit_price: u64) -> Value {
    json!({"sku": sku, "quantity": quantity, "unit_price": unit_price})
}
