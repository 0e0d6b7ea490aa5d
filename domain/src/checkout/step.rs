//! The steps of a checkout: who is asked, and how each stands.

use std::fmt;
use std::str::FromStr;

use event_model::Decider as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stock::Stock;
use crate::user::User;
use crate::value::{Invalid, Participant, Sku, UserId};

/// One of those that are asked before an order is confirmed. Written as who is asked: `user/<id>`, `stock/<sku>`,
/// `payment`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend(
    "pattern" = "^(user/[0-9a-f-]{36}|stock/[A-Za-z0-9._-]{1,64}|[a-z][a-z0-9-]{0,31})$",
    "examples" = ["stock/tea-green-100g"]
))]
pub enum Step {
    /// The credit of the user whose order it is.
    Credit(UserId),
    /// The stock of an article.
    Stock(Sku),
    /// Another tool.
    Participant(Participant),
}

/// What is known of a step. What was given back or settled is noted whenever it happens, because it happens once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// How much it was asked for; `None` before the checkout began.
    pub(super) asked: Option<u64>,
    pub(super) answer: Option<Answer>,
    pub(super) given_back: bool,
    pub(super) settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Held,
    Refused,
}

impl Step {
    /// What people call it, also as the beginning of a reason: `credit`, `stock of tea`, `payment`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Credit(_) => "credit".to_owned(),
            Self::Stock(sku) => format!("stock of {sku}"),
            Self::Participant(participant) => participant.to_string(),
        }
    }

    /// Whether it answers when it gives back and when it settles: our own entities do, other tools need not.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Credit(_) | Self::Stock(_) => true,
            Self::Participant(_) => false,
        }
    }

    /// Whether it holds what it was asked for when it says that it holds this much.
    pub(super) fn is_enough(&self, held: u64, asked: u64) -> bool {
        match self {
            Self::Credit(_) => held == asked,
            // 0 is the answer of an article that is not tracked.
            Self::Stock(_) => held == asked || held == 0,
            Self::Participant(_) => true,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credit(user_id) => write!(f, "{}/{user_id}", User::CATEGORY),
            Self::Stock(sku) => write!(f, "{}/{sku}", Stock::CATEGORY),
            Self::Participant(participant) => participant.fmt(f),
        }
    }
}

impl FromStr for Step {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once('/') {
            Some((User::CATEGORY, id)) => id.parse().map(Self::Credit),
            Some((Stock::CATEGORY, sku)) => sku.parse().map(Self::Stock),
            Some(_) => Err(Invalid::new("step", "must be of a user, of stock or of a participant")),
            None => text.parse().map(Self::Participant),
        }
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.to_string()
    }
}

impl TryFrom<String> for Step {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::user_id;

    #[test]
    fn a_step_is_read_as_it_is_written() {
        let id = user_id(1);
        for (text, words) in [
            (format!("user/{id}"), "credit"),
            ("stock/tea.0-5".to_owned(), "stock of tea.0-5"),
            ("payment".to_owned(), "payment"),
        ] {
            let step: Step = text.parse().unwrap();
            assert_eq!((step.to_string(), step.in_words()), (text.clone(), words.to_owned()));
            assert_eq!(serde_json::to_string(&step).unwrap(), format!("{text:?}"));
        }
        for wrong in ["", "user/ann", "stock/", "payment/1", "order/1", "stock"] {
            assert!(wrong.parse::<Step>().is_err(), "{wrong}");
        }
    }
}
