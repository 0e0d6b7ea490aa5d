//! How far an order has come.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderStatus {
    /// Being put together.
    Draft,
    /// Wanted; credit and stock are being asked for.
    Placed,
    /// Credit and stock are set aside.
    Confirmed,
    /// Something was missing. An end.
    Rejected,
    /// The user wished so. An end.
    Cancelled,
    /// On its way.
    Shipped,
    /// Arrived. An end.
    Completed,
}

/// No order has this status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of draft, placed, confirmed, rejected, cancelled, shipped, completed")]
pub struct UnknownStatus;

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Placed,
        Self::Confirmed,
        Self::Rejected,
        Self::Cancelled,
        Self::Shipped,
        Self::Completed,
    ];

    /// The word for it, frozen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Placed => "placed",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
        }
    }
}

impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or(UnknownStatus)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!("Draft".parse::<OrderStatus>(), Err(UnknownStatus));
    }
}
