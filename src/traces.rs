//! Traces, to a collector: OpenTelemetry over OTLP/HTTP. Off unless an endpoint is named.

use std::env;

use event_store::trace::TARGET;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::{Level, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::exit::{Exit, Failure};

/// What OpenTelemetry calls this setting; `--otlp-endpoint` wins.
pub(crate) const VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Under which name the program is known, unless `OTEL_SERVICE_NAME` gives another.
const SERVICE: &str = "jetsource";

/// Collects traces until it is dropped, and then sends what is left of them.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// To this collector, else to the one that the environment names; `None` where nobody names one.
    pub(crate) fn to(endpoint: Option<&str>) -> Result<Option<Self>, Failure> {
        let named = env::var(VARIABLE).ok().filter(|named| !named.trim().is_empty());
        let Some(endpoint) = endpoint.map(str::to_owned).or(named) else { return Ok(None) };
        let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| {
            let line = format!(
                "--otlp-endpoint {endpoint} cannot be used: write the base of an OTLP/HTTP collector, such as \
                 http://127.0.0.1:4318: {cause}"
            );
            Failure::new(Exit::Usage, line)
        };
        if !endpoint.starts_with("http://") {
            return Err(wrong("it must begin with http://".into()));
        }
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(url);
        let exporter = exporter.build().map_err(|error| wrong(error.into()))?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE);
        }
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = resource.with_attribute(version).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource);
        Ok(Some(Self(provider.build())))
    }

    /// What turns spans into traces: those that are meant for that, and what was logged as wrong within them.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let wanted =
            filter_fn(|meta| meta.target() == TARGET || (meta.is_event() && *meta.level() <= Level::WARN));
        let layer: OpenTelemetryLayer<S, Tracer> = OpenTelemetryLayer::new(self.0.tracer(SERVICE));
        layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(wanted)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
