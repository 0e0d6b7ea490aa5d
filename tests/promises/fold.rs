//! What the lists must show, folded from the raw log by the contract alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::caller::Caller;
use crate::log::Message;

/// The rows of the three lists, in the order of the lists.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Lists {
    pub(crate) users: Vec<Value>,
    pub(crate) orders: Vec<Value>,
    pub(crate) stock: Vec<Value>,
}

/// An entity under way: how many events it has, where the first lies, and its row while it is listed.
#[derive(Default)]
struct Entity {
    version: u64,
    first: u64,
    row: Option<Value>,
}

/// The rows that follow from the log.
pub(crate) fn fold(log: &[Message]) -> Lists {
    let mut entities: BTreeMap<(&str, String), Entity> = BTreeMap::new();
    for message in log {
        let mut tokens = message.subject.splitn(3, '.').skip(1);
        let (Some(category), Some(token)) = (tokens.next(), tokens.next()) else { continue };
        let id = plain(token);
        let before = entities.entry((category, id.clone())).or_default();
        if message.version != Some(before.version + 1) {
            continue;
        }
        let (kind, data) = (message.kind.as_deref().unwrap_or_default(), message.data());
        let row = before.row.clone();
        let after = match category {
            "user" => user(row, &id, kind, &data),
            "order" => order(row, &id, kind, &data),
            "stock" => stock(row, &id, kind, &data),
            _ => continue,
        };
        // What cannot be read does not count.
        let Some(mut after) = after else { continue };
        before.version += 1;
        if before.first == 0 {
            before.first = message.position;
        }
        if let Some(row) = &mut after {
            row["version"] = before.version.into();
        }
        before.row = after;
    }
    let mut lists = Lists::default();
    let mut orders = BTreeMap::new();
    for ((category, _), Entity { first, row, .. }) in entities {
        match (category, row) {
            ("user", Some(row)) => lists.users.push(row),
            ("stock", Some(row)) => lists.stock.push(row),
            ("order", Some(row)) => drop(orders.insert(first, row)),
            _ => {}
        }
    }
    lists.orders = orders.into_values().rev().collect();
    lists
}

/// `None`: it cannot be read. `Some(None)`: there is no row after it.
type After = Option<Option<Value>>;

fn user(row: Option<Value>, id: &str, kind: &str, data: &Value) -> After {
    let data = data.as_object()?;
    if kind == "user-registered" {
        let credit = json!({"limit": data.get("credit_limit")?, "reserved": 0, "available": 0});
        let (name, email) = (data.get("name")?, data.get("email")?);
        let row = json!({"id": id, "name": name, "email": email, "status": "active", "credit": credit});
        return Some(Some(available(row, "/credit", "limit")));
    }
    let mut row = row?;
    match kind {
        "user-profile-changed" => copy(&mut row, data, &["name", "email"]),
        "user-credit-limit-changed" => row["credit"]["limit"] = data.get("credit_limit")?.clone(),
        "user-deleted" => return Some(None),
        "credit-reserved" | "credit-released" | "credit-captured" => {
            row["credit"]["reserved"] = data.get("reserved")?.clone();
        }
        "credit-refused" => {}
        _ => return None,
    }
    Some(Some(available(row, "/credit", "limit")))
}

fn order(row: Option<Value>, id: &str, kind: &str, data: &Value) -> After {
    let data = data.as_object()?;
    let user_id = data.get("user_id")?;
    if let "order-drafted" | "order-placed" = kind {
        let status = kind.strip_prefix("order-")?.replace("drafted", "draft");
        let lines = data.get("lines")?;
        let mut row = json!({"id": id, "user_id": user_id, "status": status, "lines": lines});
        row["total"] = total(lines)?.into();
        copy(&mut row, data, &["ship_to"]);
        return Some(Some(row));
    }
    let mut row = row?;
    match kind {
        "order-lines-changed" => {
            row["total"] = total(data.get("lines")?)?.into();
            copy(&mut row, data, &["lines"]);
        }
        "order-ship-to-changed" => row["ship_to"] = data.get("ship_to")?.clone(),
        "order-confirmed" | "order-rejected" | "order-cancelled" | "order-shipped" | "order-completed" => {
            row["status"] = kind.strip_prefix("order-")?.into();
            copy(&mut row, data, &["reason"]);
        }
        _ => return None,
    }
    Some(Some(row))
}

fn stock(row: Option<Value>, sku: &str, kind: &str, data: &Value) -> After {
    let data = data.as_object()?;
    let mut row = match (row, kind) {
        (Some(row), _) => row,
        (None, "stock-received") => json!({"sku": sku, "on_hand": 0, "reserved": 0}),
        (None, _) => return Some(None),
    };
    copy(&mut row, data, &["on_hand", "reserved"]);
    Some(Some(available(row, "", "on_hand")))
}

fn copy(row: &mut Value, data: &Map<String, Value>, fields: &[&str]) {
    for field in fields {
        if let Some(value) = data.get(*field) {
            row[*field] = value.clone();
        }
    }
}

fn available(mut row: Value, part: &str, whole: &str) -> Value {
    let part = row.pointer_mut(part).unwrap();
    part["available"] = (part[whole].as_i64().unwrap() - part["reserved"].as_i64().unwrap()).into();
    row
}

fn total(lines: &Value) -> Option<u64> {
    let cost = |line: &Value| Some(line["quantity"].as_u64()? * line["unit_price"].as_u64()?);
    lines.as_array()?.iter().map(cost).sum()
}

/// In a token each byte outside `[A-Za-z0-9_-]` is `=XX`.
fn plain(token: &str) -> String {
    let mut parts = token.split('=');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.push(char::from(u8::from_str_radix(code, 16).unwrap_or(b'?')));
        text.push_str(rest);
    }
    text
}

/// The lists as they are served once they have reached a position.
pub(crate) async fn listed(api: &Caller, position: u64) -> Lists {
    Lists {
        users: pages(api, "/users", position).await,
        orders: pages(api, "/orders", position).await,
        stock: pages(api, "/stock", position).await,
    }
}

async fn pages(api: &Caller, list: &str, position: u64) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Some(format!("{list}?limit=97"));
    while let Some(page) = next {
        let call = api.get(&page).header("jetsource-position", &position.to_string());
        let answer = call.header("prefer", "wait=20").is(200).await;
        assert!(answer.position() >= position);
        rows.extend(answer.json().as_array().unwrap().iter().cloned());
        next = answer.header("link").map(|link| {
            let (page, rel) = link.strip_prefix('<').unwrap().split_once(">;").unwrap();
            assert_eq!(rel.trim(), "rel=\"next\"");
            page.to_owned()
        });
    }
    rows
}

/// The lists show what follows from the log.
pub(crate) async fn lists_equal_the_fold(api: &Caller, log: &[Message]) {
    let (listed, folded) = (listed(api, log.len() as u64).await, fold(log));
    assert_eq!(listed.users, folded.users);
    assert_eq!(listed.orders, folded.orders);
    assert_eq!(listed.stock, folded.stock);
}
