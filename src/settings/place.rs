//! Where a call finds what it needs: named, told by the `serve` that runs on the data folder, or in that folder.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use event_store::{Access, Connection};
use projections::HomeAddress;

use crate::endpoints::Endpoints;
use crate::exit::{Exit, Failure};

/// How to be let in by a broker that is not for everybody. User and password may also stand in its URL.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub(crate) struct BrokerAccess {
    /// The credentials of a user of the broker, or the seed of its key
    #[arg(long, value_name = "FILE")]
    nats_creds: Option<PathBuf>,
    /// The certificates by which the broker is known to be the one it says, and TLS in any case
    #[arg(long, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// What the subjects of our answers begin with [default: _INBOX]
    #[arg(long, value_name = "SUBJECT")]
    nats_inbox: Option<String>,
}

impl BrokerAccess {
    /// Connects to the broker at these URLs.
    pub(crate) async fn connect(&self, urls: &str) -> Result<Connection, Failure> {
        let access = Access {
            credentials: self.nats_creds.clone(),
            authority: self.nats_ca.clone(),
            inbox: self.nats_inbox.clone(),
        };
        Ok(Connection::open_as(urls, &access).await?)
    }
}

/// Where the broker is.
#[derive(Debug, Args)]
pub(crate) struct BrokerPlace {
    /// The broker; without it, that of the `serve` that runs on the data folder
    #[arg(long, value_name = "URL")]
    nats_url: Option<String>,
    /// The data folder of a running `serve`
    #[arg(long, value_name = "FOLDER", default_value = "./jetsource-data")]
    data_dir: PathBuf,
    #[command(flatten)]
    access: BrokerAccess,
}

impl BrokerPlace {
    /// Connects to it.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        self.connect_to(&self.url()?).await
    }

    /// Connects to the broker at these URLs, in the same way.
    pub(crate) async fn connect_to(&self, urls: &str) -> Result<Connection, Failure> {
        self.access.connect(urls).await
    }

    /// The URL of the broker.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        let found = || Endpoints::of(&self.data_dir).map(|running| running.nats);
        self.nats_url.clone().or_else(found).ok_or_else(|| nobody_serves(&self.data_dir, "--nats-url"))
    }

    /// The data folder, whether or not the broker is its own.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

/// The home of the read models: as `--views` names it, or a SQLite file in the data folder.
pub(crate) fn views_home(url: Option<&str>, data_dir: &Path) -> Result<HomeAddress, Failure> {
    let Some(url) = url else {
        return Ok(HomeAddress::Sqlite(data_dir.join("views.sqlite")));
    };
    url.parse().map_err(|error| Failure::setting(format!("--views {error}")))
}

/// Where the API is, and how to be let in.
#[derive(Debug, Args)]
pub(crate) struct ApiPlace {
    /// The API; without it, that of the `serve` that runs on the data folder
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The data folder of a running `serve`
    #[arg(long, value_name = "FOLDER", default_value = "./jetsource-data")]
    data_dir: PathBuf,
    /// A file with a line `name token`: the first token in it is the one to call with
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ApiPlace {
    /// The URL of the API, without a slash at its end.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        let found = || Endpoints::of(&self.data_dir).and_then(|running| running.http);
        let url = self.api.clone().or_else(found).ok_or_else(|| nobody_serves(&self.data_dir, "--api"))?;
        if !url.starts_with("http://") {
            let line =
                format!("--api {url:?} must begin with http://: put a proxy in front of the API for TLS");
            return Err(Failure::setting(line));
        }
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The token to call with.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::because(Exit::Usage, format!("--token-file {} cannot be read", path.display()), error)
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let token = lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).next();
        token.map(Some).ok_or_else(|| {
            Failure::setting(format!("--token-file {} has no line `name token`", path.display()))
        })
    }
}

/// Where a deployment is: its broker and its API.
#[derive(Debug, Args)]
pub(crate) struct Places {
    /// The broker; without it, that of the `serve` that runs on the data folder
    #[arg(long, value_name = "URL")]
    nats_url: Option<String>,
    /// The API; without it, that of the `serve` that runs on the data folder
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The data folder of a running `serve`
    #[arg(long, value_name = "FOLDER", default_value = "./jetsource-data")]
    data_dir: PathBuf,
    #[command(flatten)]
    access: BrokerAccess,
}

impl Places {
    /// Where the broker is.
    pub(crate) fn broker(&self) -> BrokerPlace {
        let (nats_url, data_dir) = (self.nats_url.clone(), self.data_dir.clone());
        BrokerPlace { nats_url, data_dir, access: self.access.clone() }
    }

    /// Where the API is, for calls that everybody may make.
    pub(crate) fn api(&self) -> ApiPlace {
        ApiPlace { api: self.api.clone(), data_dir: self.data_dir.clone(), token_file: None }
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

fn nobody_serves(data_dir: &Path, flag: &str) -> Failure {
    let folder = data_dir.display();
    let line = format!(
        "no `jetsource serve` runs on {folder}: start one, or name another with {flag} or --data-dir"
    );
    Failure::new(Exit::Unavailable, line)
}
