//! The events, for people: plain HTML from the same schemas, without scripts, and nothing fetched.

use std::fmt::Write as _;

use domain::schema::{Category, EventSchema};
use serde_json::Value;

use super::events::id_of;
use super::headers;
use crate::stored;

const HEAD: &str = "\
<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width'>
<title>Events</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f3f3f3;border-radius:3px}
code{padding:0 .2em}pre{padding:.6rem;overflow:auto}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd}
h2{margin-top:3rem;border-bottom:2px solid #222}h3{margin-top:2rem}
nav{columns:3 14rem}nav a{display:block}
</style>
<h1>Events</h1>
<p>Every event is kept on stream <code>EVENTS</code> and heard on its subject; its type is in the header
<code>ce-type</code>, its body is the data below, a JSON object. Over HTTP the same is at <code>GET /events</code>. For
tools: <a href=/asyncapi.json>/asyncapi.json</a>, and a JSON Schema of each type at <a href=/schemas>/schemas</a>. For
calls: <a href=/docs>/docs</a>. Events may gain fields.</p>
";

/// The page.
pub(crate) fn html() -> String {
    let (mut html, categories) = (HEAD.to_owned(), stored::all());
    html.push_str("<nav>");
    for EventSchema { event_type, .. } in categories.iter().flat_map(|category| &category.events) {
        let _ = write!(html, "<a href='#{event_type}'>{event_type}</a>");
    }
    html.push_str("</nav>\n<h2>Headers</h2>\n");
    fields(&mut html, &headers::event());
    for Category { name, says, events } in &categories {
        let (id, says) = (id_of(name), text(says));
        let _ = write!(html, "<h2><code>events.{name}.{{{id}}}</code></h2>\n<p>{says}</p>\n");
        for of in events {
            event(&mut html, of);
        }
    }
    html
}

fn event(html: &mut String, EventSchema { event_type, means, when, schema }: &EventSchema) {
    let (means, when) = (text(means), text(when));
    let _ = write!(html, "<h3 id='{event_type}'>{event_type}</h3>\n<p>{means} {when}</p>\n");
    fields(html, schema);
    let _ = writeln!(html, "<pre>{}</pre>", escaped(&format!("{:#}", schema["examples"][0])));
    let _ = writeln!(html, "<p><a href='/schemas/{event_type}'>Its JSON Schema</a></p>");
}

fn fields(html: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) else {
        return;
    };
    html.push_str("<table><tr><th>field<th>type<th>\n");
    let required = schema["required"].as_array();
    for (name, field) in properties {
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        let if_any = if is_required { "" } else { ", if any" };
        let says = field["description"].as_str().map(text).unwrap_or_default();
        let kind = escaped(&kind(field));
        let _ = writeln!(html, "<tr><td><code>{name}</code><td>{kind}{if_any}<td>{says}");
    }
    html.push_str("</table>\n");
}

/// What a field is, in a few words.
fn kind(schema: &Value) -> String {
    let words = schema["oneOf"].as_array().into_iter().flatten();
    let words: Vec<_> = words.filter_map(|word| word["const"].as_str()).collect();
    let (least, most) = (&schema["minimum"], &schema["maximum"]);
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (None, _) | (Some("string"), None) if !words.is_empty() => words.join(" | "),
        (Some("string"), None) if schema["const"].is_string() => {
            schema["const"].as_str().unwrap_or_default().to_owned()
        }
        (Some("string"), Some(format)) => format.to_owned(),
        (Some("array"), _) => format!("list of {}", kind(&schema["items"])),
        (Some("object"), _) => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            format!("{{{}}}", fields.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
        }
        (Some(_), _) if most.is_number() => format!("{least} to {most}"),
        (kind, _) => kind.unwrap_or("anything").to_owned(),
    }
}

/// Text: escaped, and with what stands between back-quotes as code.
fn text(said: &str) -> String {
    let escaped = escaped(said);
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
