//! One line: a command, and what it is about.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

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
    /// Reads a line; `None` when it is empty. An error says what to correct.
    pub(crate) fn parse(text: &[u8]) -> Result<Option<Self>, String> {
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
        let mentions = mentions(&written.path, body.as_deref(), written.key.as_deref());
        Ok(Some(Self { method, path: written.path, body, key: written.key, mentions }))
    }
}

fn is_key(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Ids in the path and in the body, the article, the e-mail address that a user is to have, and the key.
fn mentions(path: &str, body: Option<&RawValue>, key: Option<&str>) -> Vec<String> {
    let path = path.split('?').next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let mut found: Vec<String> = segments.clone().filter_map(id).collect();
    if segments.next() == Some("stock") {
        found.extend(segments.next().map(|sku| format!("stock {sku}")));
    }
    let body = body.and_then(|body| serde_json::from_str::<Value>(body.get()).ok()).unwrap_or_default();
    let field = |name| body.get(name).and_then(Value::as_str);
    found.extend([field("id"), field("user_id")].into_iter().flatten().filter_map(id));
    found.extend(field("email").map(|email| format!("email {}", email.trim().to_lowercase())));
    found.extend(key.map(|key| format!("key {key}")));
    found.sort_unstable();
    found.dedup();
    found
}

fn id(text: &str) -> Option<String> {
    Uuid::try_parse(text).ok().map(|id| format!("id {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text.as_bytes()).unwrap().unwrap()
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
    fn what_cannot_be_posted_is_refused_with_a_reason() {
        for (text, reason) in [
            ("{", "it is not"),
            (r#"{"method":"GET","path":"/users"}"#, "GET"),
            (r#"{"method":"POST","path":"users"}"#, "begin with /"),
            (r#"{"method":"POST","path":"/users","kye":"1"}"#, "kye"),
            (r#"{"method":"POST","path":"/users","key":"a b"}"#, "visible ASCII"),
        ] {
            let refusal = Line::parse(text.as_bytes()).unwrap_err();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
        assert!(Line::parse(b" \r").unwrap().is_none());
    }
}
