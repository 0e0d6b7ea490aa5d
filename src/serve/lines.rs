//! What `serve` says of itself when it serves, on standard error, one line each.

use std::io::{self, Write as _};
use std::path::Path;

use event_store::Durability;
use projections::HomeAddress;
use serde_json::json;

use super::broker::Broker;
use super::doors::Doors;
use crate::endpoints::without_password;
use crate::settings::{LogFormat, Serve, Staging};

/// The lines, each a name and what it says.
#[derive(Debug)]
pub(crate) struct StartLines(Vec<(&'static str, String)>);

impl StartLines {
    /// Gathered while the doors are still ours to ask.
    pub(crate) fn of(
        settings: &Serve,
        data_dir: &Path,
        views: &HomeAddress,
        doors: Option<&Doors>,
        broker: &Broker,
    ) -> Self {
        let durability = match broker.durability() {
            Durability::EveryAckSynced => "every acknowledged event is synced",
            Durability::Lazy => "LAZY: a power cut loses acknowledged events (--allow-lazy-sync)",
            Durability::Unknown(_) => "UNKNOWN: a power cut may lose acknowledged events (--allow-lazy-sync)",
        };
        let origin = if broker.is_child() { "started here" } else { "runs elsewhere" };
        let version = broker.store().connection().client().server_info().version;
        let mut lines = vec![
            ("jetsource", env!("CARGO_PKG_VERSION").to_owned()),
            ("http", http(doors)),
            ("nats", format!("{} (nats-server {version}, {origin})", without_password(broker.url()))),
            ("data", data_dir.display().to_string()),
            ("views", views.to_string()),
            ("durability", format!("{durability}; staging: {}", staging(settings, broker))),
        ];
        tracing::debug!(currency = settings.currency, "settings");
        if let Some(doors) = doors {
            lines.push(("try", curl(doors)));
        }
        Self(lines)
    }

    /// Prints them; as log lines where a program reads the log.
    pub(crate) fn print(&self, format: LogFormat) -> io::Result<()> {
        let mut out = io::stderr().lock();
        for (name, text) in &self.0 {
            match format {
                LogFormat::Text => writeln!(out, "{name:<11} {text}")?,
                LogFormat::Json => {
                    let fields = json!({"message": name, "value": text});
                    writeln!(out, "{}", json!({"level": "INFO", "target": "jetsource", "fields": fields}))?;
                }
            }
        }
        out.flush()
    }
}

fn staging(settings: &Serve, broker: &Broker) -> &'static str {
    match (broker.staging(), settings.staging) {
        (None, _) => "as its operator has set it",
        (Some(nats_launcher::Staging::Memory(_)), _) => {
            "memory, so a power cut may leave an append half written, which the store settles at the next start"
        }
        (Some(nats_launcher::Staging::Disk), Staging::Disk) => "disk",
        (Some(nats_launcher::Staging::Disk), Staging::Memory) => {
            "disk for now, the folder in memory could not be put in place"
        }
    }
}

fn http(doors: Option<&Doors>) -> String {
    let Some(doors) = doors else {
        return "none: the role api does not run here".to_owned();
    };
    let url = doors.url();
    let address = doors.address();
    if address.ip().is_unspecified() { format!("{url} (listens on {address})") } else { url }
}

/// A line that works when it is pasted.
fn curl(doors: &Doors) -> String {
    let token = if doors.need_tokens() { "-H 'authorization: Bearer TOKEN' " } else { "" };
    let body = r#"{"name":"Ann","email":"ann@example.com"}"#;
    let url = doors.url();
    format!("curl -s -X POST {url}/users {token}-H 'content-type: application/json' -d '{body}'")
}
