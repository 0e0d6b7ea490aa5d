//! The document against the program: its routes, its limits, its problems.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use axum::extract::{FromRequestParts as _, Request};
use domain::{ActivityView, CustomerView, OrderView, StockView, UserView};
use http_body_util::BodyExt as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{document, examples, parameters, problems};
use crate::problem::{FieldError, Kind, Problem};
use crate::query::Parameters;

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

fn json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let named = paths.flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    named.collect()
}

/// The routes of a source: `.route("PATH", get(…).put(…))`, whatever its layout.
fn routes(source: &str) -> BTreeSet<String> {
    let source: String = source.chars().filter(|c| !c.is_whitespace()).collect();
    let mut routes = BTreeSet::new();
    for call in source.split(".route(\"").skip(1) {
        let (path, rest) = call.split_once("\",").unwrap();
        let handlers = rest.split(".merge(").next().unwrap();
        let methods = METHODS.iter().filter(|method| handlers.contains(&format!("{method}(")));
        let before = routes.len();
        routes.extend(methods.map(|method| format!("{method} {path}")));
        assert!(routes.len() > before, "no method was found in the route of {path}");
    }
    routes
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = json();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(call, _)| call).collect();
    let served =
        [include_str!("../routes.rs"), include_str!("../docs.rs"), include_str!("../live.rs")].map(routes);
    assert_eq!(described, served.into_iter().flatten().collect());
}

#[test]
fn every_reference_leads_somewhere() {
    fn follow(document: &Value, value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(to) = object.get("$ref") {
                    let pointer = to.as_str().and_then(|to| to.strip_prefix('#')).unwrap();
                    assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
                }
                object.values().for_each(|value| follow(document, value));
            }
            Value::Array(array) => array.iter().for_each(|value| follow(document, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = json();
    follow(&document, &document);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_how_it_may_end() {
    let document = json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut names = BTreeSet::new();
    for (call, operation) in operations(&document) {
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{call} has another's name"
        );
        assert!(operation["summary"].is_string(), "{call}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{call}");
        assert!(responses.contains_key("500"), "{call}");
        let open = ["get /livez", "get /readyz"].contains(&call.as_str());
        assert_eq!(responses.contains_key("401"), !open, "{call}");
        assert_eq!(operation.get("security"), open.then_some(&json!([])), "{call}");
        let body = operation.get("requestBody").is_some();
        for status in ["413", "415"] {
            assert_eq!(responses.contains_key(status), body, "{call} {status}");
        }
    }
}

#[test]
fn what_a_path_names_is_a_parameter_of_each_of_its_operations() {
    let document = json();
    for (call, operation) in operations(&document) {
        let named = call.split(['{', '}']).skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let parameters = parameters.map(|to| document.pointer(&to["$ref"].as_str().unwrap()[1..]).unwrap());
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        assert_eq!(
            in_path.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
            named,
            "{call}"
        );
    }
}

#[test]
fn examples_are_what_the_program_shows() {
    fn holds<T: DeserializeOwned + Serialize>(example: &Value) {
        let read: T = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), *example);
    }
    holds::<UserView>(&examples::user());
    holds::<OrderView>(&examples::order());
    holds::<StockView>(&examples::article());
    holds::<ActivityView>(&examples::activity());
    holds::<CustomerView>(&examples::customer());
    let event = event_store::cloud_event::from_json(&examples::cloud_event().to_string()).unwrap();
    let text = event_store::cloud_event::to_json(&event).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), examples::cloud_event());
}

#[tokio::test]
async fn problems_are_shown_as_they_are_answered() {
    for kind in Kind::ALL {
        let example = problems::body(kind);
        let errors = example["errors"].as_array().into_iter().flatten().map(|error| {
            let text = |name: &str| error[name].as_str().unwrap().to_owned();
            FieldError { pointer: text("pointer"), detail: text("detail") }
        });
        let problem = Problem { errors: errors.collect(), ..Problem::new(kind, kind.advice()) };
        let trace = example["trace_id"].as_str().unwrap_or("none");
        let answer = problem.answer(example["instance"].as_str().unwrap(), trace);
        assert_eq!(answer.headers()["content-type"], problems::MEDIA);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), example);
    }
}

#[tokio::test]
async fn pages_are_as_large_as_is_said() {
    async fn limit(query: &str) -> Result<u32, Problem> {
        let (mut parts, ()) =
            Request::builder().uri(format!("/users?{query}")).body(()).unwrap().into_parts();
        Parameters::from_request_parts(&mut parts, &()).await?.limit()
    }
    let (most, page) = (parameters::LARGEST_PAGE, parameters::PAGE);
    assert_eq!(limit("").await.unwrap() as usize, page);
    assert_eq!(limit(&format!("limit={most}")).await.unwrap() as usize, most);
    assert!(limit(&format!("limit={}", most + 1)).await.is_err());
}

/// Tools and clients are made from the document: a change of it must be seen in review.
#[test]
fn the_document_is_the_golden_file() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/openapi.json");
    let document = json();
    if env::var_os("RENEW_GOLDEN").is_some() {
        fs::write(&golden, format!("{document:#}\n")).unwrap();
    }
    let kept = fs::read_to_string(&golden).unwrap_or_default();
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    assert!(
        kept == document,
        "the document differs from {}; if that is meant, run `RENEW_GOLDEN=1 cargo test -p command-api openapi` \
         and look at the difference",
        golden.display()
    );
}
