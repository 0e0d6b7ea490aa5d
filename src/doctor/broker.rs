//! The broker, before anything is opened on it.

use command_api::requests;
use event_store::look::{self, Space, Standing};
use event_store::{Connection, Durability, Storage};
use time::Duration;

use super::finding::Finding;
use super::here::in_words;
use crate::endpoints::without_password;
use crate::exit::Failure;
use crate::settings::BrokerPlace;

/// By how much clocks may differ before somebody should look, and before deadlines and times mean little.
const APART: Duration = Duration::seconds(1);
const FAR_APART: Duration = Duration::seconds(30);
/// Of what may be stored, how many hundredths may be used.
const MUCH: u64 = 80;
const TOO_MUCH: u64 = 95;

/// The broker, if it is there and fit.
pub(super) async fn connect(place: &BrokerPlace, url: &str) -> Result<(Finding, Connection), Finding> {
    const CHECK: &str = "broker";
    let at = without_password(url);
    match place.connect_to(url).await {
        Ok(connection) => {
            let version = connection.client().server_info().version;
            let servers = if connection.replicas() > 1 { ", one of several servers" } else { "" };
            let seen = format!("nats-server {version} at {at}{servers}, with JetStream");
            Ok((Finding::ok(CHECK, seen), connection))
        }
        Err(failure) => Err(Finding::problem(CHECK, format!("not usable at {at}"), failure.line())),
    }
}

/// Whether every acknowledgement is behind an fsync.
pub(super) async fn sync(connection: &Connection) -> Finding {
    const CHECK: &str = "sync";
    match connection.durability().await {
        Durability::EveryAckSynced => Finding::ok(CHECK, "every acknowledgement is synced"),
        Durability::Lazy => Finding::problem(
            CHECK,
            "the broker acknowledges before it has synced: a power cut loses what it acknowledged",
            "set `sync_interval: always` in its jetstream block",
        ),
        Durability::Unknown(why) => Finding::warning(
            CHECK,
            format!("the broker does not tell whether it syncs each acknowledgement ({why})"),
            "let its account import $SYS.REQ.SERVER.PING.JSZ, as deploy/nats.conf does",
        ),
    }
}

/// How much of what the broker may store is used.
pub(super) async fn space(connection: &Connection) -> Finding {
    const CHECK: &str = "broker space";
    let Space { used, most } = match look::space(connection).await {
        Ok(space) => space,
        Err(error) => return Finding::unknown(CHECK, Failure::from(error).line()),
    };
    let account = match most {
        Some(most) => format!("the account uses {} of {}", in_words(used), in_words(most)),
        None => format!("the account uses {}, without a limit of its own", in_words(used)),
    };
    let servers = connection.servers().await.map(|servers| servers.storage).unwrap_or_default();
    let told = servers.iter().filter_map(|Storage { bytes, limit, .. }| Some((*bytes, (*limit)?)));
    let fullest = told.max_by_key(|(used, most)| hundredths(*used, *most));
    let whole = match fullest {
        Some((used, most)) if servers.len() == 1 => {
            format!("the server {} of {}", in_words(used), in_words(most))
        }
        Some((used, most)) => {
            format!("the fullest of {} servers {} of {}", servers.len(), in_words(used), in_words(most))
        }
        None => "the server does not tell its own limit".to_owned(),
    };
    let full = [most.map(|most| (used, most)), fullest];
    let full =
        full.into_iter().flatten().map(|(used, most)| hundredths(used, most)).max().unwrap_or_default();
    let seen = format!("{account}; {whole}");
    let advice = "raise max_store of the server, or the limit of the account, before it is reached: then no command is accepted";
    match full {
        ..MUCH => Finding::ok(CHECK, seen),
        MUCH..TOO_MUCH => Finding::warning(CHECK, seen, advice),
        TOO_MUCH.. => Finding::problem(CHECK, seen, advice),
    }
}

fn hundredths(used: u64, most: u64) -> u64 {
    used.saturating_mul(100).checked_div(most).unwrap_or_default()
}

/// Whether this machine's clock is right, as far as the broker's is.
pub(super) async fn clock(connection: &Connection) -> Finding {
    const CHECK: &str = "clock";
    let ahead = match look::clock_ahead(connection).await {
        Ok(Some(ahead)) => ahead,
        Ok(None) => return Finding::unknown(CHECK, "without a log the broker does not tell its time"),
        Err(error) => return Finding::unknown(CHECK, Failure::from(error).line()),
    };
    let seconds = ahead.as_seconds_f64();
    let seen = match seconds {
        ..0.0 => format!("the broker's is {:.3} s behind this machine's", -seconds),
        _ => format!("the broker's is {seconds:.3} s ahead of this machine's"),
    };
    let advice = "let both machines keep their clocks by NTP: deadlines and the times of events rest on them";
    match ahead.abs() {
        apart if apart < APART => Finding::ok(CHECK, seen),
        apart if apart < FAR_APART => Finding::warning(CHECK, seen, advice),
        _ => Finding::problem(CHECK, seen, advice),
    }
}

/// Which versions of the program serve.
pub(super) async fn nodes(connection: &Connection) -> Finding {
    const CHECK: &str = "versions";
    let own = env!("CARGO_PKG_VERSION");
    let versions = match look::nodes(connection, requests::NAME).await {
        Ok(versions) => versions,
        Err(error) => return Finding::unknown(CHECK, Failure::from(error).line()),
    };
    if versions.is_empty() {
        return Finding::warning(
            CHECK,
            format!("this is jetsource {own}; no node with the role api answers on this broker"),
            "start `jetsource serve` with the role api: until then commands on subjects wait, and nobody answers HTTP",
        );
    }
    let (count, all) = (versions.len(), versions.iter().all(|version| version == own));
    let told = versions.join(", ");
    if all {
        return Finding::ok(CHECK, format!("this is jetsource {own}, and so are all that serve ({count})"));
    }
    let seen = format!("this is jetsource {own}, and those that serve are {told}");
    Finding::warning(CHECK, seen, "let all be of one version: an older one stops at what a newer one stores")
}

/// Whether the streams are as other tools rely on them; and whether there is a log that may be opened.
pub(super) async fn streams(connection: &Connection) -> (Finding, bool) {
    const CHECK: &str = "streams";
    let looked = match look::streams(connection).await {
        Ok(looked) => looked,
        Err(error) => return (Finding::unknown(CHECK, Failure::from(error).line()), false),
    };
    let (mut fit, mut missing, mut differs) = (Vec::new(), Vec::new(), Vec::new());
    for stream in looked {
        match stream.standing {
            Standing::Fits { messages } => fit.push(format!("{} ({messages})", stream.name)),
            Standing::Missing => missing.push(stream.name),
            Standing::Differs(error) => differs.push(error.to_string()),
        }
    }
    let fit = if fit.is_empty() { String::new() } else { format!("as they must be: {}", fit.join(", ")) };
    if !differs.is_empty() {
        return (Finding::problem(CHECK, fit, differs.join("; ")), false);
    }
    let made_by_all = ["EVENTS", "KEYS", "SNAPSHOTS"];
    if missing.iter().any(|name| made_by_all.contains(&name.as_str())) {
        let seen = format!("missing: {}", missing.join(", "));
        return (
            Finding::problem(CHECK, seen, "start `jetsource serve` on this broker: it makes them"),
            false,
        );
    }
    if missing.is_empty() {
        return (Finding::ok(CHECK, fit), true);
    }
    let seen = format!("{fit}; not made yet, by the roles that need them: {}", missing.join(", "));
    (Finding::ok(CHECK, seen), true)
}
