//! One line: a command, and what it is about.

use std::collections::HashMap;

use domain::Email;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Of what was written on an id, so much is remembered: the last of it holds, earlier addresses only while later ones
/// are refused.
const REMEMBERED: usize = 16;

/// A command to post.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// As it stands in the file: a repetition must send the same bytes.
    pub(crate) body: Option<Box<RawValue>>,
    pub(crate) key: Option<String>,
    /// Whatever another line may mention too, and then must not overtake this one.
    pub(crate) mentions: Vec<String>,
}

/// What the lines so far tell of an id: the addresses of a user, the user of an order. A later line on that id changes
/// those too, and need not write them again.
///
/// It grows with the ids that a file gives an address or a user, some 200 bytes each: a line may free what was written
/// any number of lines before. What was stored before the import is not known here.
#[derive(Debug, Default)]
pub(crate) struct Told {
    of: HashMap<Uuid, Vec<String>>,
}

/// As it is written. A field that is none of these is a slip: a `kye` would not be honoured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    method: String,
    path: String,
    #[serde(default)]
    body: Option<Box<RawValue>>,
    #[serde(default)]
    key: Option<String>,
}

impl Line {
    /// Reads the line that follows those which told this; `None` when it is empty. An error says what to correct.
    pub(crate) fn parse(text: &[u8], told: &mut Told) -> Result<Option<Self>, String> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        let written: Written = serde_json::from_slice(text)
            .map_err(|error| format!("it is not {{\"method\",\"path\",\"body\",\"key\"}}: {error}"))?;
        let method = match written.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "DELETE" => Method::DELETE,
            other => return Err(format!("method {other:?} changes nothing: write POST, PUT or DELETE")),
        };
        if !written.path.starts_with('/') {
            return Err(format!("path {:?} must begin with /, as in /users", written.path));
        }
        if written.key.as_deref().is_some_and(|key| !is_key(key)) {
            return Err("key must be 1 to 255 visible ASCII characters".to_owned());
        }
        let body = written.body.filter(|body| body.get() != "null");
        let mentions = told.mentions(&written.path, body.as_deref(), written.key.as_deref());
        Ok(Some(Self { method, path: written.path, body, key: written.key, mentions }))
    }
}

fn is_key(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Told {
    /// Ids in the path and in the body, the article, the e-mail address that a user is to have, the key, and what
    /// earlier lines told of the id that the line is on.
    fn mentions(&mut self, path: &str, body: Option<&RawValue>, key: Option<&str>) -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let ids: Vec<Uuid> = segments.clone().filter_map(id).collect();
        let body = body.and_then(|body| serde_json::from_str::<Value>(body.get()).ok()).unwrap_or_default();
        let field = |name| body.get(name).and_then(Value::as_str);
        let own = field("id").and_then(id);
        let user = field("user_id").and_then(id).map(by_id);
        let email = field("email").and_then(|email| email.parse::<Email>().ok());
        let email = email.map(|email| format!("email {}", email.normalized()));
        let told: Vec<String> = user.into_iter().chain(email).collect();

        let mut found: Vec<String> = ids.iter().copied().chain(own).map(by_id).collect();
        if let Some(on) = ids.first().copied().or(own) {
            found.extend(self.of.get(&on).into_iter().flatten().cloned());
            self.remember(on, &told);
        }
        found.extend(told);
        if segments.next() == Some("stock") {
            found.extend(segments.next().map(|sku| format!("stock {sku}")));
        }
        found.extend(key.map(|key| format!("key {key}")));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn remember(&mut self, on: Uuid, told: &[String]) {
        if told.is_empty() {
            return;
        }
        let all = self.of.entry(on).or_default();
        all.retain(|what| !told.contains(what));
        all.extend_from_slice(told);
        all.drain(..all.len().saturating_sub(REMEMBERED));
    }
}

fn by_id(id: Uuid) -> String {
    format!("id {id}")
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ANN: Uuid = Uuid::from_u128(1);
    const ORDER: Uuid = Uuid::from_u128(2);

    fn line(text: &str) -> Line {
        Line::parse(text.as_bytes(), &mut Told::default()).unwrap().unwrap()
    }

    /// What the last of these lines mentions.
    fn last_mentions(lines: &[(&str, String, Value)]) -> Vec<String> {
        let mut told = Told::default();
        let mut mentions = Vec::new();
        for (method, path, body) in lines {
            let text = json!({"method": method, "path": path, "body": body}).to_string();
            mentions = Line::parse(text.as_bytes(), &mut told).unwrap().unwrap().mentions;
        }
        mentions
    }

    fn register(email: &str) -> (&'static str, String, Value) {
        ("POST", "/users".to_owned(), json!({"id": ANN, "name": "Ann", "email": email}))
    }

    fn move_to(email: &str) -> (&'static str, String, Value) {
        ("PUT", format!("/users/{ANN}"), json!({"email": email}))
    }

    fn delete() -> (&'static str, String, Value) {
        ("DELETE", format!("/users/{ANN}"), json!({}))
    }

    #[test]
    fn a_body_is_sent_as_it_is_written() {
        let line = line(r#"{"method":"POST","path":"/users","body":{"name" : "Ann","n":1.0},"key":"k1"}"#);
        assert_eq!(line.body.unwrap().get(), r#"{"name" : "Ann","n":1.0}"#);
        assert_eq!(line.key.as_deref(), Some("k1"));
    }

    #[test]
    fn what_two_lines_share_is_mentioned_alike() {
        let id = "0190a5e2-0000-7000-8000-00000000000A";
        let create =
            line(&format!(r#"{{"method":"POST","path":"/users","body":{{"id":"{id}","email":" A@b "}}}}"#));
        let order = line(&format!(r#"{{"method":"POST","path":"/orders","body":{{"user_id":"{id}"}}}}"#));
        let delete = line(&format!(r#"{{"method":"DELETE","path":"/users/{}"}}"#, id.to_lowercase()));
        assert!(create.mentions.contains(&order.mentions[0]) && order.mentions == delete.mentions);
        assert!(create.mentions.contains(&"email a@b".to_owned()));
        let stock = line(r#"{"method":"POST","path":"/stock/A-1/receipts","body":{"quantity":1}}"#);
        assert_eq!(stock.mentions, ["stock A-1"]);
    }

    #[test]
    fn a_line_on_a_user_mentions_the_addresses_so_far() {
        let ann = by_id(ANN);
        assert_eq!(last_mentions(&[register("A@1 "), delete()]), ["email a@1", &ann]);
        assert_eq!(last_mentions(&[register("a@1"), move_to("a@2")]), ["email a@1", "email a@2", &ann]);
        // The second address may have been refused.
        let moved = [register("a@1"), move_to("a@2"), delete()];
        assert_eq!(last_mentions(&moved), ["email a@1", "email a@2", &ann]);
        assert_eq!(last_mentions(&[move_to("a@2"), delete()]), ["email a@2", &ann]);
    }

    #[test]
    fn a_line_on_an_order_mentions_its_user() {
        let create = ("POST", "/orders".to_owned(), json!({"id": ORDER, "user_id": ANN, "lines": []}));
        for step in ["", "/place", "/cancel?now"] {
            let on_order = ("POST", format!("/orders/{ORDER}{step}"), json!({}));
            let lines = [register("a@1"), create.clone(), on_order];
            assert_eq!(last_mentions(&lines), [by_id(ANN), by_id(ORDER)], "{step}");
        }
        // The order is nothing that the user's lines change.
        assert_eq!(last_mentions(&[create, delete()]), [by_id(ANN)]);
    }

    #[test]
    fn memory_is_for_what_was_told_and_for_the_last_of_it() {
        let mut told = Told::default();
        let mut read = |text: &str| Line::parse(text.as_bytes(), &mut told).unwrap().unwrap().mentions;
        read(&format!(r#"{{"method":"PUT","path":"/users/{ORDER}","body":{{"name":"Ben"}}}}"#));
        for number in [0, 1, 0].into_iter().chain(2..=REMEMBERED) {
            let path = format!("/users/{ANN}");
            let body = json!({"email": format!("a@{number}")});
            read(&json!({"method": "PUT", "path": path, "body": body}).to_string());
        }
        assert_eq!(told.of.keys().collect::<Vec<_>>(), [&ANN]);
        assert_eq!(told.of[&ANN].len(), REMEMBERED);
        assert_eq!(told.of[&ANN][..2], ["email a@0", "email a@2"]);
    }

    #[test]
    fn what_cannot_be_posted_is_refused_with_a_reason() {
        for (text, reason) in [
            ("{", "it is not"),
            (r#"{"method":"GET","path":"/users"}"#, "GET"),
            (r#"{"method":"POST","path":"users"}"#, "begin with /"),
            (r#"{"method":"POST","path":"/users","kye":"1"}"#, "kye"),
            (r#"{"method":"POST","path":"/users","key":"a b"}"#, "visible ASCII"),
        ] {
            let refusal = Line::parse(text.as_bytes(), &mut Told::default()).unwrap_err();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
        assert!(Line::parse(b" \r", &mut Told::default()).unwrap().is_none());
    }
}
