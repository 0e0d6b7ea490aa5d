//! Kinds and states of sagas, as queries name them.

use std::str::FromStr;

use domain::{Checkout, Departure};
use event_model::Decider as _;

/// A kind of saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SagaKind {
    Checkout,
    Departure,
}

impl SagaKind {
    pub(crate) const ALL: [Self; 2] = [Self::Checkout, Self::Departure];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => Checkout::CATEGORY,
            Self::Departure => Departure::CATEGORY,
        }
    }
}

/// How a saga is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SagaState {
    Running,
    Done,
    Stuck,
}

impl SagaState {
    pub(crate) const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stuck];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stuck => "stuck",
        }
    }
}

impl FromStr for SagaKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or("must be checkout or departure")
    }
}

impl FromStr for SagaState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or("must be running, done or stuck")
    }
}
