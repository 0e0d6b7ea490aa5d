//! `jetsource sagas`: look after the sagas, through the API.

mod shown;

use std::io::{self, Write as _};

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use domain::{Checkout, Departure};
use event_model::Decider as _;
use serde_json::{Value, json};

use crate::api::Api;
use crate::exit::{Exit, Failure};
use crate::printed::{self, Form};
use crate::settings::ApiPlace;
use crate::watched::{self, Moments};
use shown::{Saga, Whole};

/// Which to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<State>,
    /// Only those of this kind: checkout, departure
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// List them every second, until interrupted
    #[arg(long, value_parser = FalseyValueParser::new())]
    watch: bool,
    /// One JSON object a line
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    api: ApiPlace,
}

/// A state that sagas can be in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum State {
    /// It waits for something.
    Running,
    /// It waits for nothing.
    Done,
    /// It cannot go on.
    Stuck,
}

/// Which to show.
#[derive(Debug, Args)]
pub(crate) struct ShowOne {
    /// Its id: that of the order, or of the user
    id: String,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    api: ApiPlace,
}

/// Which to have try again.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Its id: that of the order, or of the user
    id: String,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    api: ApiPlace,
}

/// Which to give up, and why.
#[derive(Debug, Args)]
pub(crate) struct Abandon {
    /// Its id: that of the order, or of the user
    id: String,
    /// Why, for people
    #[arg(long, value_name = "REASON")]
    reason: String,
    /// One JSON object
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
    #[command(flatten)]
    api: ApiPlace,
}

/// Which kind to draw.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The kind: checkout, departure
    name: String,
    /// One JSON object: the phases, and what leads from one to another
    #[arg(long, value_parser = FalseyValueParser::new())]
    json: bool,
}

/// The kinds of saga.
const NAMES: [&str; 2] = [Checkout::CATEGORY, Departure::CATEGORY];

/// Lists them, the newest first.
pub(crate) async fn list(asked: &List) -> Result<(), Failure> {
    let mut path = format!("/sagas?limit={}", asked.limit);
    if let Some(state) = asked.state.and_then(|state| state.to_possible_value()) {
        path = format!("{path}&state={}", state.get_name());
    }
    if let Some(name) = &asked.name {
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        path = format!("{path}&name={name}");
    }
    let api = Api::at(&asked.api)?;
    let mut moments = Moments::begin();
    loop {
        moments.next().await;
        let sagas: Vec<Value> = api.get(&path).await?.unwrap_or_default();
        let mut out = io::stdout().lock();
        if asked.json {
            sagas.iter().try_for_each(|saga| Ok::<_, Failure>(writeln!(out, "{}", printed::json(saga)?)?))?;
        } else {
            let read = |saga| serde_json::from_value::<Saga>(saga).map_err(anyhow::Error::from);
            let sagas = sagas.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
            if asked.watch {
                watched::clear(&mut out)?;
            }
            shown::table(&mut out, &sagas)?;
        }
        out.flush()?;
        if !asked.watch {
            return Ok(());
        }
    }
}

/// Shows one: what it did, when and why, and what it waits for.
pub(crate) async fn show(asked: &ShowOne) -> Result<(), Failure> {
    let (_, saga) = found(&Api::at(&asked.api)?, &asked.id).await?;
    let mut out = io::stdout().lock();
    if asked.json {
        writeln!(out, "{}", printed::json(&saga)?)?;
        return Ok(());
    }
    let saga = serde_json::from_value::<Whole>(saga).map_err(anyhow::Error::from)?;
    shown::timeline(&mut out, &saga)
}

/// Has one that is stuck try again.
pub(crate) async fn retry(asked: &Retry) -> Result<(), Failure> {
    act(&asked.api, &asked.id, "retry", &json!({}), Form::asked(asked.json)).await
}

/// Gives one up.
pub(crate) async fn abandon(asked: &Abandon) -> Result<(), Failure> {
    let reason = json!({"reason": asked.reason});
    act(&asked.api, &asked.id, "abandon", &reason, Form::asked(asked.json)).await
}

/// Draws the state machine of a kind, as its rules are.
pub(crate) fn graph(asked: &Graph) -> Result<(), Failure> {
    let machine = match asked.name.as_str() {
        Checkout::CATEGORY => Checkout::machine(),
        Departure::CATEGORY => Departure::machine(),
        other => {
            let line = format!("there is no kind of saga {other:?}: name one of {}", NAMES.join(", "));
            return Err(Failure::new(Exit::NotFound, line));
        }
    };
    let drawn = if asked.json { printed::json(&machine)? + "\n" } else { machine.mermaid() };
    Ok(io::stdout().lock().write_all(drawn.as_bytes())?)
}

async fn act(place: &ApiPlace, id: &str, what: &str, body: &Value, form: Form) -> Result<(), Failure> {
    let api = Api::at(place)?;
    let (path, _) = found(&api, id).await?;
    let done: Option<Value> = api.post(&format!("{path}/{what}"), body).await?;
    let done = done.ok_or_else(|| none(id))?;
    let told = match form {
        Form::Json => printed::json(&done)?,
        Form::Text => done["message"].as_str().unwrap_or("done").to_owned(),
    };
    Ok(writeln!(io::stdout().lock(), "{told}")?)
}

/// The saga of this id, of whatever kind, and its path.
async fn found(api: &Api, id: &str) -> Result<(String, Value), Failure> {
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(Failure::setting(format!("{id:?} is no id: give that of an order, or of a user")));
    }
    for name in NAMES {
        let path = format!("/sagas/{name}/{id}");
        if let Some(saga) = api.get(&path).await? {
            return Ok((path, saga));
        }
    }
    Err(none(id))
}

fn none(id: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("no saga has the id {id}: see jetsource sagas list"))
}
