//! The log as it is, and as it grows.

use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{ObjectBuilder, Schema, Type};

use super::entry::{Entry, JSON, page_of};
use super::examples;
use super::examples::ORDER_ID;
use super::parameters::{header, path, query};
use super::shapes::{at_least, of, of_with, shown, some_text, text_of_format, words};
use crate::causes::MERMAID;
use crate::problem::Kind;

const STREAM: &str = "text/event-stream";

const SAYS: &str = "\
As server-sent events (what `EventSource` asks for, and who names no media type): each has the position as `id`, the \
type as `event`, and a CloudEvent in one line of JSON as `data`. It begins behind `Last-Event-ID`, else at `from`, and \
goes on with what comes; a connection that was lost goes on behind the last `id` without a gap. An `id` without an event \
says how far the log was looked through. A comment comes every 15 seconds, and says so when the broker is away. A \
listener that does not take what waits for it hears `too-slow` and is cut off.

With `Accept: application/json`, a page: it looks through 5000 positions at most (the events of one `entity` apart), so \
it may be empty while there is more; `Jetsource-Position` says how far it got, `Link` where to go on. Events of other \
tools are there too; what is no event is not.";

const CAUSES_SAY: &str = "\
All events with one first cause as a tree, each place behind what caused it: as JSON, or as a Mermaid flowchart. The log \
is looked through for it, from the time in the id when that is a UUIDv7, as those made here, else from the beginning; a \
million positions and a thousand events at most. Then `complete` is false, and `Link` goes on behind that.";

pub(super) fn entries() -> Vec<Entry> {
    let lines = ObjectBuilder::new().schema_type(Type::String);
    vec![
        Entry::get(("/events", "listEvents", "Hear what happens, or read what happened"))
            .says(SAYS)
            .takes(&["category", "type", "entity", "correlation", "from", "Last-Event-ID"])
            .takes(&["limit", "order", "AfterPosition", "BeforePosition"])
            .answers(200, "What was asked for.", &["Jetsource-Position", "Link"], STREAM, lines)
            .or(JSON, page_of("CloudEvent"))
            .refuses(&[Kind::MalformedRequest, Kind::Unavailable]),
        Entry::get(("/correlations/{id}", "getCorrelation", "See what caused what"))
            .of("CorrelationId")
            .says(CAUSES_SAY)
            .takes(&["CausesFormat", "AfterPosition"])
            .answers(200, "The tree.", &["Jetsource-Position", "Link"], JSON, of("Causes"))
            .or(MERMAID, ObjectBuilder::new().schema_type(Type::String))
            .refuses(&[Kind::MalformedRequest, Kind::NotFound, Kind::Unavailable]),
    ]
}

/// The parameters that only this call has.
pub(super) fn parameters() -> Vec<(&'static str, Parameter)> {
    let place = "Of the stream: behind `start`, `end` (the default) or a position, or before the first event that was \
                 taken in at this time or later (RFC 3339).";
    let last = "Of the stream: behind this position, as `EventSource` sends it by itself; wins over `from`.";
    let (after, before) =
        ("Of a page: what lies behind this position.", "Of a page: what lies before this position.");
    let order = "Of a page: oldest first, or newest first.";
    let entity = "Only events of this entity: `<category>/<id>`.";
    let correlation = "Only events with this first cause.";
    vec![
        ("category", query("category", "Only events of these categories, separated by commas.", some_text())),
        ("type", query("type", "Only events of these types, separated by commas.", some_text())),
        ("entity", query("entity", entity, some_text().pattern(Some("^[^/]+/.+$")))),
        ("correlation", query("correlation", correlation, of("Id"))),
        ("from", query("from", place, some_text())),
        (
            "CorrelationId",
            path("id", "The first cause: `correlation_id` of any of its events.", of("Id"), json!(ORDER_ID)),
        ),
        ("CausesFormat", query("format", "Wins over `Accept`.", words(["json", "mermaid"]))),
        ("order", query("order", order, words(["asc", "desc"]).default(Some(json!("asc"))))),
        ("AfterPosition", query("after", after, of("Position"))),
        ("BeforePosition", query("before", before, of("Position"))),
        ("Last-Event-ID", header("Last-Event-ID", last, of("Position"))),
    ]
}

/// What caused what.
pub(super) fn causes() -> (&'static str, Schema) {
    let depth = "How many causes it has above it.";
    let cause = "The index in `tree` of what caused it; not where that is not known.";
    let place = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("A command or deadline by its id, or an event."))
        .property("depth", at_least(0).description(Some(depth)))
        .required("depth")
        .property("cause", at_least(0).description(Some(cause)))
        .property("command", of("Id"))
        .property("event", of("CloudEvent"));
    let complete = ObjectBuilder::new().schema_type(Type::Boolean);
    let fields = [
        ("correlation_id", of("Id")),
        ("complete", complete.description(Some("Whether the log was looked through to its end.")).into()),
        ("after", of_with("Position", "Looked through behind this.")),
        ("upto", of_with("Position", "Looked through up to this.")),
        ("tree", ArrayBuilder::new().items(place).into()),
    ];
    ("Causes", shown("What caused what, as a tree.", fields, []))
}

/// An event in the JSON format of CloudEvents.
pub(super) fn schema() -> (&'static str, Schema) {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    let fields = [
        ("specversion", words(["1.0"]).into()),
        ("id", of("Id")),
        ("source", some_text().description(Some("`/jetsource`; another for events of other tools.")).into()),
        ("type", some_text().into()),
        ("subject", some_text().description(Some("What it is about: `<category>/<id>`.")).into()),
        ("time", text_of_format("date-time").into()),
        ("datacontenttype", words(["application/json"]).into()),
        ("position", of("Position")),
        ("entityversion?", of_with("Version", "The entity's version after it.")),
        ("causationid?", of_with("Id", "The command or event that caused it.")),
        ("correlationid?", of_with("Id", "The first cause of the chain.")),
        ("part?", some_text().description(Some("Its place in an append of several, such as `1/2`.")).into()),
        ("actor?", some_text().description(Some("The name of the caller's token.")).into()),
        ("traceparent?", some_text().description(Some("W3C trace context.")).into()),
        ("data", object.description(Some("As it is on the log.")).into()),
    ];
    (
        "CloudEvent",
        shown("An event, as CloudEvents 1.0 writes one in JSON.", fields, [examples::cloud_event()]),
    )
}
