//! Traces: what a collector receives of one order, and what the log says of it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use reqwest::Client;
use serde_json::{Value, json};

use crate::harness::{Program, poll, stdout};
use crate::{LONG, import};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const USER: &str = "01900000-0000-7000-8000-000000000001";

type Received = Arc<Mutex<Vec<Span>>>;

/// A collector of traces, on a port of its own.
async fn collector() -> (String, Received) {
    async fn take(State(received): State<Received>, body: Bytes) -> &'static str {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        received.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        ""
    }
    let received = Received::default();
    let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

/// The names from a span up to the first of its trace.
fn way(span: &Span, all: &[Span]) -> Vec<String> {
    let mut way = vec![span.name.clone()];
    let mut parent = &span.parent_span_id;
    while let Some(above) = all.iter().find(|other| other.span_id == *parent) {
        way.push(above.name.clone());
        parent = &above.parent_span_id;
    }
    way
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An order that is confirmed before this returns, placed by a caller with a trace of its own.
async fn order(program: &Program) {
    let user = json!({"id": USER, "name": "Ann", "email": "ann@example.com"});
    import(
        program,
        &[
            json!({"method": "POST", "path": "/users", "body": user}),
            json!({"method": "POST", "path": "/stock/tea/receipts", "body": {"quantity": 5}}),
        ],
    );
    let lines = json!([{"sku": "tea", "quantity": 2, "unit_price": 100}]);
    let client = Client::builder().no_proxy().build().unwrap();
    let posted = client.post(format!("{}/orders", program.http())).header("content-type", "application/json");
    let posted = posted.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let answer = posted.body(json!({"user_id": USER, "lines": lines}).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let done = || {
        let events = stdout(&program.call(&["events", "tail", "--json", "--category", "checkout"]));
        let behind = stdout(&program.call(&["projections", "status", "--json"]));
        let behind: Value = serde_json::from_str(&behind).unwrap_or_default();
        let caught_up = behind.as_array()?.iter().all(|view| view["behind"] == 0);
        (events.contains("checkout-confirmed") && caught_up).then_some(())
    };
    tokio::task::block_in_place(|| poll(LONG, done)).unwrap_or_else(|| panic!("{}", program.stderr()));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_is_one_trace_from_the_call_to_the_last_command() {
    let (url, received) = collector().await;
    let arguments = ["--role", "api,projections,sagas", "--otlp-endpoint", &url];
    let mut program = Program::start_told(folder(), &arguments, &[]);
    order(&program).await;
    let events = stdout(&program.call(&["events", "export"]));
    tokio::task::block_in_place(|| program.terminate());
    let spans: Vec<Span> =
        received.lock().unwrap().iter().filter(|span| hex(&span.trace_id) == TRACE).cloned().collect();

    let [call] = &spans.iter().filter(|span| span.name == "POST /orders").collect::<Vec<_>>()[..] else {
        panic!("{:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>())
    };
    assert_eq!((hex(&call.parent_span_id).as_str(), call.kind()), (CALLER, SpanKind::Server));
    let ways: Vec<Vec<String>> = spans.iter().map(|span| way(span, &spans)).collect();
    let appended = ["publish append.order", "decide order", "POST /orders"];
    let begun = ["publish append.checkout", "decide checkout", "process checkout"];
    let asked = ["publish commands.user.reserve-credit", "process checkout"];
    let carried_out = ["publish append.user", "decide user", "process inbox"];
    for way in [
        [&["process orders"], &appended[..]].concat(),
        [&["process sagas"], &begun[..], &appended].concat(),
        [&asked[..], &begun, &appended].concat(),
        [&carried_out[..], &asked, &begun, &appended].concat(),
        // And on: what the command led to is what the next step learns from.
        [&begun[..], &carried_out, &asked, &begun, &appended].concat(),
    ] {
        assert!(ways.iter().any(|found| *found == way), "no {way:?} in {ways:#?}");
    }
    assert!(ways.iter().all(|way| way.last().is_some_and(|first| first == "POST /orders")), "{ways:#?}");
    let kind = |name: &str| spans.iter().find(|span| span.name == name).unwrap().kind();
    assert_eq!(kind("publish append.order"), SpanKind::Producer);
    assert_eq!(kind("process orders"), SpanKind::Consumer);
    let attributes = &spans.iter().find(|span| span.name == "publish append.order").unwrap().attributes;
    for name in ["messaging.system", "messaging.operation.type", "messaging.destination.name"] {
        assert!(attributes.iter().any(|attribute| attribute.key == name), "{name} is not in {attributes:?}");
    }
    // Each event of it names the trace.
    let of_order = events.lines().filter(|event| event.contains("checkout-") || event.contains("order-"));
    let mut count = 0;
    for event in of_order {
        let event: Value = serde_json::from_str(event).unwrap();
        let place = event["traceparent"].as_str().unwrap();
        assert!(place.starts_with(&format!("00-{TRACE}-")) && place.ends_with("-01"), "{event}");
        count += 1;
    }
    assert!(count >= 5, "{events}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_the_log_names_trace_request_entity_and_position() {
    let arguments = ["--role", "api,projections,sagas", "--log-format", "json"];
    let mut program =
        Program::start_told(folder(), &arguments, &[("JETSOURCE_LOG", "info,command_api=debug")]);
    order(&program).await;
    tokio::task::block_in_place(|| program.terminate());
    let said = program.stderr();
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answered: Vec<Value> = lines.filter(|line| line["fields"]["message"] == "answered").collect();
    let of_order = answered
        .iter()
        .find(|line| line["span"]["method"] == "POST" && line["span"]["path"] == "/orders")
        .unwrap_or_else(|| panic!("{said}"));
    let span = &of_order["span"];
    assert_eq!(span["trace_id"], TRACE);
    assert!(span["entity"].as_str().unwrap().starts_with("order/"), "{span}");
    assert!(span["request_id"].is_string() && span["position"].is_u64(), "{span}");
}

#[test]
fn a_collector_that_cannot_be_is_named() {
    let output = crate::harness::call(&["serve", "--otlp-endpoint", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let said = crate::harness::stderr(&output);
    assert!(said.contains("--otlp-endpoint") && said.lines().count() == 1, "{said}");
}
