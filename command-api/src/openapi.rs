//! The OpenAPI 3.1 document: a table of calls, and the components that they share.
//!
//! Bounds come from the domain and problems from [`Kind`], so that they cannot differ from what the program does.
//!
//! - `entry`: a line of the table, and what calls of one sort have in common
//! - `users`, `orders`, `stock`, `reports`, `sagas`, `events`, `ops`: the table
//! - `schemas`, `parameters`, `headers`, `problems`, `examples`: the components; `shapes`: what those are of

mod entry;
mod events;
mod examples;
mod headers;
mod ops;
mod orders;
mod parameters;
mod problems;
mod reports;
mod sagas;
mod schemas;
mod shapes;
mod stock;
#[cfg(test)]
mod tests;
mod users;

use std::collections::BTreeMap;

use utoipa::openapi::security::{Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, RefOr,
    ServerBuilder,
};

use crate::problem::Kind;
use entry::Entry;

const ABOUT: &str = "\
Users and orders, event-sourced on NATS JetStream.

- **Changing.** PUT changes the fields that are sent, the rest stays. `If-Match` makes any command depend on a \
version; `Idempotency-Key` makes it safe to repeat, after a lost answer or days later.
- **Reading.** One thing and its events are read from the log and show every command that was acknowledged before. \
Lists are read from views; `Jetsource-Position` makes a list wait until it is as new as a command's answer.
- **Problems** are RFC 9457 `application/problem+json`; their `type` leads to a page in words. A path that is not \
there is 404 `not-found`; a method that a path does not take is 405 `method-not-allowed`, with `Allow`.
- HEAD works where GET does. Money is in minor units of one currency. Times are RFC 3339, UTC. Answers may gain \
fields; a request with a field that is not listed is refused.";

const LICENSE: &str = env!("CARGO_PKG_LICENSE");
const BEARER: &str = "bearer";

/// A group of calls: its tag, what it is, and its part of the table.
struct Group(&'static str, &'static str, fn() -> Vec<Entry>);

const GROUPS: [Group; 7] = [
    Group("users", "Who buys, and on how much credit.", users::entries),
    Group("orders", "What is bought, from draft to arrival.", orders::entries),
    Group("stock", "How many of an article there are; one without a receipt is not tracked.", stock::entries),
    Group("reports", "What many things together come to, and what happened.", reports::entries),
    Group("sagas", "What puts several entities' outcomes together, to be looked after.", sagas::entries),
    Group("events", "The log, as it is and as it grows.", events::entries),
    Group("operations", "For operators and load balancers, and the API described.", ops::entries),
];

/// The document.
pub(crate) fn document() -> OpenApi {
    let (mut paths, mut components) = (Paths::new(), components());
    for Group(tag, _, entries) in GROUPS {
        for entry in entries() {
            components.responses.extend(entry.problems().map(|kinds| problems::component(&kinds)));
            let path = paths.paths.entry(entry.path.to_owned()).or_default();
            path.merge_operations(PathItem::new(entry.method.clone(), entry.operation(tag)));
        }
    }
    let server = ServerBuilder::new().url("/").description(Some("Where this document is from.")).build();
    let tags = GROUPS.map(|Group(tag, says, _)| TagBuilder::new().name(tag).description(Some(says)).build());
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([server]))
        .tags(Some(tags))
        .security(Some([SecurityRequirement::new::<_, _, &str>(BEARER, []), SecurityRequirement::default()]))
        .components(Some(components))
        .paths(paths)
        .build()
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Jetsource")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name(LICENSE).identifier(Some(LICENSE)).build()))
        .build()
}

/// All but the problems that calls answer, which come with the calls: that of other methods is of no call.
fn components() -> Components {
    let mut components = Components::new();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer()));
    components.schemas = named(schemas::all());
    components.parameters = named(parameters::all());
    components.headers = named(headers::all());
    components.examples = named(Kind::ALL.map(|kind| (kind.slug(), problems::example(kind))));
    components.responses.extend([problems::component(&[Kind::MethodNotAllowed])]);
    components
}

fn bearer() -> Http {
    let says =
        "A token from the server's token file. A server that was started without one lets everybody call.";
    HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(says)).build()
}

fn named<T>(all: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, RefOr<T>> {
    all.into_iter().map(|(name, component)| (name.to_owned(), RefOr::T(component))).collect()
}
