//! Where a home is, as somebody names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use event_store::Mark;
use tokio_postgres::Config;

use crate::error::ViewError;
use crate::home::{Home, Pinned};
use crate::postgres::{self, PostgresViews};
use crate::report::Report;
use crate::sqlite::{self, SqliteViews};

/// Where the rows of views live.
#[derive(Debug, Clone)]
pub enum HomeAddress {
    /// In one SQLite file, for the processes of one machine, of which one writes.
    Sqlite(PathBuf),
    /// In a PostgreSQL database, for processes on any machines, which share the work.
    Postgres(Box<Config>),
}

/// The text names no home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitAddress {
    /// It is neither of the two.
    #[error("must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Unknown,
    /// There is nothing behind the colon.
    #[error("sqlite: names no file: write sqlite:PATH")]
    NoFile,
    /// The rest of it is wrong. What is not told: a part of it may be a password.
    #[error(
        "postgres:// cannot be read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for what has a \
         meaning in a URL"
    )]
    Unreadable,
}

impl HomeAddress {
    /// Whether there can be anything.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgres(_) => true,
        }
    }

    /// Where each view stands, by name. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`], [`ViewError::Unreachable`].
    pub async fn marks(&self) -> Result<Vec<(String, Mark)>, ViewError> {
        match self {
            Self::Sqlite(path) => sqlite::marks(path.clone()).await,
            Self::Postgres(config) => postgres::marks(config).await,
        }
    }

    /// How each view stands, by name, as far as the home tells. Neither makes nor changes anything.
    ///
    /// # Errors
    /// [`ViewError::Open`], [`ViewError::Unreachable`].
    pub async fn reports(&self) -> Result<Vec<Report>, ViewError> {
        match self {
            Self::Sqlite(path) => sqlite::reports(path.clone()).await,
            Self::Postgres(config) => postgres::reports(config).await,
        }
    }

    /// Opens it, or makes it.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Home>, ViewError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteViews::open(path)?)),
            Self::Postgres(config) => Ok(Arc::new(PostgresViews::open(config).await?)),
        }
    }

    /// Holds its rows as they are.
    pub(crate) async fn pin(&self) -> Result<Box<dyn Pinned>, ViewError> {
        match self {
            Self::Sqlite(path) => Ok(Box::new(sqlite::Pinned::open(path.clone()).await?)),
            Self::Postgres(config) => Ok(Box::new(postgres::Pinned::open(config).await?)),
        }
    }
}

impl fmt::Display for HomeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(config) => f.write_str(&postgres::shown(config)),
        }
    }
}

impl FromStr for HomeAddress {
    type Err = UnfitAddress;

    fn from_str(text: &str) -> Result<Self, UnfitAddress> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return if path.is_empty() { Err(UnfitAddress::NoFile) } else { Ok(Self::Sqlite(path.into())) };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(UnfitAddress::Unknown);
        }
        let config: Config = text.parse().map_err(|_| UnfitAddress::Unreadable)?;
        if config.get_hosts().is_empty() {
            return Err(UnfitAddress::Unreadable);
        }
        Ok(Self::Postgres(Box::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: HomeAddress = "postgres://ann:s%40cret@db.example:5433/shop".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://ann@db.example:5433/shop");
        assert!(!format!("{address:?}").contains("cret"));
        assert_eq!("sqlite:a/b".parse::<HomeAddress>().unwrap().to_string(), "sqlite:a/b");
    }

    #[test]
    fn what_is_wrong_with_an_address_is_told_without_its_password() {
        for wrong in ["postgres://ann:cret@db:x/shop", "postgres://ann:cret@db/shop?sslmode=x", "postgres://"]
        {
            let error = wrong.parse::<HomeAddress>().unwrap_err();
            assert_eq!(error, UnfitAddress::Unreadable, "{wrong}");
            assert!(!error.to_string().contains("cret"));
        }
        assert_eq!("sqlite:".parse::<HomeAddress>().unwrap_err(), UnfitAddress::NoFile);
        assert_eq!("mysql://db".parse::<HomeAddress>().unwrap_err(), UnfitAddress::Unknown);
    }
}
