//! The place of a piece of work in a trace, by W3C Trace Context: where one comes in, and where one goes out.
//!
//! Spans have the target `trace` and the level debug: while nobody asks for that, they cost next to nothing, and the
//! log of the program does not show them. Names and attributes follow the OpenTelemetry conventions for messaging.

use std::borrow::Cow;

use event_model::{EntityName, Metadata};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::field::{Empty, display};
use tracing::{Level, Span, debug_span, enabled};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of spans that are for traces.
pub const TARGET: &str = "trace";

/// Whether anybody collects traces.
pub fn is_on() -> bool {
    enabled!(target: TARGET, Level::DEBUG)
}

/// Makes a span part of the trace in which its cause has this place. It must not have been entered yet.
pub fn follow(span: &Span, traceparent: Option<&str>) {
    if let Some(cause) = traceparent.filter(|_| !span.is_disabled()).and_then(read) {
        // Where nobody collects, there is nothing to follow.
        let _ = span.set_parent(Context::new().with_remote_span_context(cause));
    }
}

/// The place of a span, as a `traceparent`; `None` while nobody collects traces.
pub fn place(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let place = context.span().span_context().clone();
    place
        .is_valid()
        .then(|| format!("00-{}-{}-{:02x}", place.trace_id(), place.span_id(), place.trace_flags().to_u8()))
}

/// The trace that a `traceparent` is of.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

/// What is known about a command, with the place of the span that sends what came of it.
pub(crate) fn sent_by<'a>(span: &Span, metadata: &'a Metadata) -> Cow<'a, Metadata> {
    match place(span) {
        Some(place) => Cow::Owned(Metadata { traceparent: Some(place), ..metadata.clone() }),
        None => Cow::Borrowed(metadata),
    }
}

/// A command is decided.
pub(crate) fn deciding(entity: &EntityName) -> Span {
    let span = debug_span!(target: TARGET, "decide", otel.name = Empty, jetsource.entity = Empty);
    if !span.is_disabled() {
        span.record("otel.name", format!("decide {}", entity.category));
        span.record("jetsource.entity", display(entity));
    }
    span
}

/// So many messages are published, the first of them to this subject about this entity.
pub(crate) fn publishing(subject: &str, entity: &EntityName, count: usize) -> Span {
    let span = debug_span!(
        target: TARGET,
        "publish",
        otel.name = Empty,
        otel.kind = "producer",
        messaging.system = "nats",
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.destination.name = subject,
        messaging.batch.message_count = count,
        jetsource.entity = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("publish {}", template(subject)));
        span.record("jetsource.entity", display(entity));
    }
    span
}

/// A message is worked on, by a reader of this name.
pub fn processing(reader: &str, subject: &str, id: impl std::fmt::Display) -> Span {
    let span = debug_span!(
        target: TARGET,
        "process",
        otel.name = Empty,
        otel.kind = "consumer",
        messaging.system = "nats",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = subject,
        messaging.consumer.group.name = reader,
        messaging.message.id = Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("process {reader}"));
        span.record("messaging.message.id", display(id));
    }
    span
}

/// A subject without the ids in it: `append.order`, `commands.user.reserve-credit`.
fn template(subject: &str) -> String {
    let tokens: Vec<_> = subject.split('.').collect();
    match tokens[..] {
        [first, category, _, rest] => format!("{first}.{category}.{rest}"),
        [first, category, ..] => format!("{first}.{category}"),
        _ => subject.to_owned(),
    }
}

fn read(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    let place = SpanContext::new(trace, span, TraceFlags::new(flags), true, TraceState::default());
    place.is_valid().then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_sent() {
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let place = read(sent).unwrap();
        assert_eq!(place.trace_id().to_string(), trace_id(sent).unwrap());
        assert_eq!((place.span_id().to_string().as_str(), place.is_sampled()), ("b7ad6b7169203331", true));
        let nowhere = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for wrong in ["", "00", "00-1-2", nowhere, "00-x-y-z"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_name_has_no_ids_in_it() {
        assert_eq!(template("append.order.7"), "append.order");
        assert_eq!(template("commands.user.7.reserve-credit"), "commands.user.reserve-credit");
        assert_eq!(template("odd"), "odd");
    }

    #[test]
    fn without_a_collector_there_is_no_place() {
        assert!(!is_on() && place(&deciding(&EntityName::new("order", 7))).is_none());
    }
}
