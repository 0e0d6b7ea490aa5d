//! Every metric of the program: what it is called, and what it says. `docs/operations.md` says what to do about each.
//!
//! Counters and durations are there from the start, at zero, so that whoever watches for the first of something sees it
//! come. Gauges are there once somebody knows them.

use domain::{
    Activity, Checkout, Customers, Departure, Order, Orders, Sagas, SalesByArticle, SalesByDay, Stock,
    Stocks, User, Users,
};
use event_model::{Decider as _, Projection as _};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// The labels of one series.
type Series = &'static [(&'static str, &'static str)];

const ONE: &[Series] = &[&[]];
const CATEGORIES: &[Series] =
    &[&[("category", User::CATEGORY)], &[("category", Order::CATEGORY)], &[("category", Stock::CATEGORY)]];
const VIEWS: &[Series] = &[
    &[("view", Users::NAME)],
    &[("view", Orders::NAME)],
    &[("view", Stocks::NAME)],
    &[("view", Sagas::NAME)],
    &[("view", Customers::NAME)],
    &[("view", SalesByDay::NAME)],
    &[("view", SalesByArticle::NAME)],
    &[("view", Activity::NAME)],
];
const SAGAS: &[Series] = &[&[("saga", Checkout::CATEGORY)], &[("saga", Departure::CATEGORY)]];
/// Known only once it happens, such as the route of a request.
const LATER: &[Series] = &[];

/// What is counted, and its series that are known before it happens.
const COUNTERS: [(&str, &str, &[Series]); 24] = [
    ("jetsource_append_batches_refused_total", "Shared batches that the broker refused.", ONE),
    ("jetsource_append_conflicts_total", "Appends that met another writer's.", ONE),
    (
        "jetsource_append_failures_total",
        "Appends that were not stored, conflicts aside.",
        &[
            &[("reason", "log")],
            &[("reason", "unavailable")],
            &[("reason", "unfit")],
            &[("reason", "unknown")],
        ],
    ),
    ("jetsource_append_retries_total", "Appends that were sent again.", ONE),
    ("jetsource_broker_restarts_total", "How often the broker that is a child died.", ONE),
    ("jetsource_commands_total", "Commands by what came of them.", LATER),
    (
        "jetsource_cut_appends_total",
        "Appends that a power cut took apart.",
        &[&[("outcome", "completed")], &[("outcome", "given up")]],
    ),
    (
        "jetsource_foreign_messages_total",
        "Messages on the log that are no events, each time that one was stepped over.",
        &[&[("reader", "load")], &[("reader", "subscription")]],
    ),
    ("jetsource_inbox_deliveries_total", "Commands taken from their queue.", CATEGORIES),
    ("jetsource_inbox_redeliveries_total", "Of them, those that came again.", CATEGORIES),
    ("jetsource_inbox_rejected_total", "Commands from the queue that were refused.", LATER),
    ("jetsource_listeners_behind_total", "Listeners that fell behind and caught up by themselves.", ONE),
    ("jetsource_listeners_too_slow_total", "Listeners that were cut off.", ONE),
    ("jetsource_saga_deadlines_total", "Deadlines that came due.", SAGAS),
    ("jetsource_saga_steps_total", "What sagas learned, sent, and were reminded of.", LATER),
    ("jetsource_saga_unreadable_total", "Events that a saga could not read and stepped over.", SAGAS),
    (
        "jetsource_snapshots_dropped_total",
        "Snapshots that were not written.",
        &[
            &[("reason", "away")],
            &[("reason", "busy")],
            &[("reason", "refused")],
            &[("reason", "too large")],
            &[("reason", "unfit")],
        ],
    ),
    (
        "jetsource_snapshots_ignored_total",
        "Snapshots that were not believed.",
        &[
            &[("reason", "away")],
            &[("reason", "newer program")],
            &[("reason", "not on the log")],
            &[("reason", "other format")],
            &[("reason", "unreadable")],
        ],
    ),
    ("jetsource_snapshots_used_total", "Snapshots that saved reading.", ONE),
    ("jetsource_snapshots_written_total", "Snapshots that were written.", ONE),
    (
        "jetsource_state_cache_lookups_total",
        "Looks for an entity among those that are remembered.",
        &[&[("outcome", "hit")], &[("outcome", "miss")]],
    ),
    ("jetsource_view_events_total", "Events that a read model has read.", VIEWS),
    ("jetsource_view_home_errors_total", "Failures of the file of the read models.", VIEWS),
    ("jetsource_view_unreadable_total", "Events that a read model stepped over.", VIEWS),
];

/// What is as it is now.
const GAUGES: [(&str, &str); 25] = [
    ("jetsource_broker_connected", "1 while the broker is connected."),
    ("jetsource_broker_servers", "Servers of the broker, by their own word."),
    (
        "jetsource_broker_servers_lazy",
        "Of those that told, servers that acknowledge before they have synced.",
    ),
    ("jetsource_broker_servers_told", "Servers of the broker that answered when they were last asked."),
    ("jetsource_broker_storage_bytes", "What a server stores."),
    ("jetsource_broker_storage_limit_bytes", "The most that a server may store."),
    ("jetsource_build_info", "1, for the version of the program."),
    ("jetsource_listeners", "Those who listen on GET /events."),
    ("jetsource_log_available", "1 while the log has somebody who leads it."),
    ("jetsource_log_differs", "1 when the log is not what was written to it."),
    ("jetsource_saga_events_behind", "Events that are not done with yet."),
    ("jetsource_saga_leads", "1 on the process that follows this kind of saga."),
    ("jetsource_saga_oldest_running_seconds", "How long ago the oldest saga that waits began."),
    ("jetsource_saga_position", "Up to where a kind of saga has read the log."),
    ("jetsource_sagas_running", "Sagas that wait."),
    ("jetsource_sagas_stuck", "Sagas that cannot go on."),
    ("jetsource_view_error", "1 while a read model does not go on."),
    ("jetsource_view_events_behind", "Events that a read model has still to read."),
    ("jetsource_view_events_per_second", "How many events a read model reads in a second."),
    ("jetsource_view_failures", "Rows that are set aside."),
    ("jetsource_view_lag_seconds", "How old the last event was when it was applied."),
    ("jetsource_view_leads", "1 on the process that drives a read model."),
    ("jetsource_view_position", "Up to where a read model has read the log."),
    ("jetsource_view_rebuild_events_behind", "Events that a rebuild has still to read."),
    (
        "jetsource_view_rebuild_events_per_second",
        "How many events a rebuild reads in a second; 0 without one.",
    ),
];

/// How long something took, or how much there was of it.
const HISTOGRAMS: [(&str, &str, &[Series]); 6] = [
    ("jetsource_append_batch_events", "Events in a shared batch.", ONE),
    ("jetsource_append_seconds", "How long an append took, its fsync included.", ONE),
    ("jetsource_http_request_duration_seconds", "How long a request over HTTP took.", LATER),
    ("jetsource_inbox_seconds", "How long a command from the queue took.", LATER),
    ("jetsource_requests_seconds", "How long a request on a subject took.", LATER),
    ("jetsource_view_batch_seconds", "How long a batch of events took until its rows were there.", VIEWS),
];

/// Tells the recorder what there is.
pub(super) fn describe() {
    for (name, says, known) in COUNTERS {
        describe_counter!(name, says);
        for series in known {
            counter!(name, *series).increment(0);
        }
    }
    for (name, says) in GAUGES {
        describe_gauge!(name, says);
    }
    for (name, says, known) in HISTOGRAMS {
        describe_histogram!(name, says);
        for series in known {
            let _ = histogram!(name, *series);
        }
    }
    gauge!("jetsource_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
