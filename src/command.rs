//! `jetsource command send`: a command to an entity, over the broker.

use std::io::{self, Read as _, Write as _};

use bytes::Bytes;
use clap::Args;
use clap::builder::FalseyValueParser;
use event_model::EntityName;
use event_store::{QueuedCommand, Reply, StoreError};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::exit::{Exit, Failure};
use crate::log;
use crate::printed::{self, Form};
use crate::rejected::Told;
use crate::settings::BrokerPlace;

/// What to send, to whom.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The kind of entity: user, order, stock, or that of a participant
    category: String,
    /// Its id
    id: String,
    /// The command, such as receive
    command: String,
    /// With what: a JSON object; - reads it from standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    body: String,
    /// The command's own id, 1 to 255 visible ASCII characters: under one id it is carried out once [default: a new one]
    #[arg(long = "id", value_name = "ID", value_parser = own_id)]
    own_id: Option<String>,
    /// Wait for what comes of it
    #[arg(long, value_parser = FalseyValueParser::new())]
    wait: bool,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    broker: BrokerPlace,
}

/// Sends it.
pub(crate) async fn send(asked: &Send) -> Result<(), Failure> {
    let command = QueuedCommand {
        id: asked.own_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
        entity: EntityName::new(asked.category.clone(), &asked.id),
        command: asked.command.clone(),
        body: body(&asked.body)?,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
    };
    let store = log::open(&asked.broker).await?;
    if asked.wait {
        let reply = store.ask(&command).await.map_err(|error| not_answered(&command, error))?;
        return told(asked, &command, &reply);
    }
    if !store.takes_commands_to(&asked.category).await? {
        let line = format!(
            "no queue takes commands to {}: name user, order, stock or a participant of the checkout",
            asked.category
        );
        return Err(Failure::new(Exit::Usage, line));
    }
    store.enqueue(&command).await.map_err(|error| not_stored(&command, error))?;
    let QueuedCommand { id, entity, command, .. } = &command;
    let mut out = io::stdout().lock();
    match Form::asked(asked.json) {
        Form::Json => writeln!(out, "{}", printed::json(&json!({"id": id}))?)?,
        Form::Text => {
            writeln!(out, "{command} to {entity} is on the queue; --id {id} sends the same one again")?;
        }
    }
    Ok(())
}

fn told(asked: &Send, command: &QueuedCommand, reply: &Reply) -> Result<(), Failure> {
    let QueuedCommand { id, entity, command, .. } = command;
    if let Some((status, _)) = &reply.error {
        let problem = Told::read(&reply.body);
        let line = format!("{command} to {entity} is refused, {}: {}", problem.slug(), problem.detail);
        return Err(Failure::new(Exit::of_status(*status), line));
    }
    let answer: Value = serde_json::from_slice(&reply.body).map_err(anyhow::Error::from)?;
    let (version, position) = (&answer["version"], &answer["position"]);
    let mut out = io::stdout().lock();
    match Form::asked(asked.json) {
        Form::Json => {
            let told = json!({"id": id, "version": version, "position": position});
            writeln!(out, "{}", printed::json(&told)?)?;
        }
        Form::Text => writeln!(out, "{entity} is at version {version}, position {position}")?,
    }
    Ok(())
}

/// A JSON object, as it was given.
fn body(given: &str) -> Result<Bytes, Failure> {
    let text = if given == "-" { io::read_to_string(io::stdin().take(MOST))? } else { given.to_owned() };
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(_) => Ok(Bytes::from(text)),
        Err(error) => Err(Failure::because(Exit::Usage, "--body is no JSON object", error)),
    }
}

/// More than a command may have.
const MOST: u64 = 1 << 20;

fn own_id(text: &str) -> Result<String, String> {
    let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| "write 1 to 255 visible ASCII characters".to_owned())
}

fn not_stored(command: &QueuedCommand, error: StoreError) -> Failure {
    match error {
        StoreError::Unfit(_) => Failure::because(Exit::Usage, "the queue does not take it", error),
        error => {
            let id = &command.id;
            let line = format!("it is not known whether it was stored; --id {id} sends the same one again");
            Failure::because(Exit::Unavailable, line, error)
        }
    }
}

fn not_answered(command: &QueuedCommand, error: StoreError) -> Failure {
    let (id, category) = (&command.id, &command.entity.category);
    match error {
        StoreError::Unavailable(_) => {
            let line = format!(
                "nobody answers requests to {category} on this broker: start `jetsource serve` with the role api, or \
                 send it without --wait"
            );
            Failure::because(Exit::Unavailable, line, error)
        }
        StoreError::OutcomeUnknown(_) => {
            let line =
                format!("no answer, so it may have been carried out; --id {id} asks again, and does it once");
            Failure::because(Exit::Unavailable, line, error)
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_and_stays_as_it_is() {
        assert_eq!(body(r#"{ "b":1, "a":2 }"#).unwrap(), r#"{ "b":1, "a":2 }"#);
        for wrong in ["", "[]", "7", "{", "quantity=3"] {
            assert!(body(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_what_a_header_can_carry() {
        assert_eq!(own_id("delivery-4711"), Ok("delivery-4711".into()));
        for wrong in ["", "a b", "é", &"x".repeat(256)] {
            assert!(own_id(wrong).is_err(), "{wrong}");
        }
    }
}
