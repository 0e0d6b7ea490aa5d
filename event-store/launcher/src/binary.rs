//! Which nats-server: the one named, else the first good one of the usual places.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::LaunchError;

const NAME: &str = "nats-server";
const OLDEST: (u32, u32) = (2, 15);

/// A nats-server that runs here and is new enough.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
    version: String,
}

impl Binary {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says it is, such as `2.15.1`.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn probe(path: &Path) -> Result<Self, LaunchError> {
        let failed = |source| LaunchError::NotRunnable { path: path.to_owned(), source };
        let output = Command::new(path).arg("--version").output().map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let Some((version, number)) = parse(&said) else {
            return Err(failed(io::Error::other(format!("it answers --version with {:?}", said.trim()))));
        };
        if number < OLDEST {
            return Err(LaunchError::TooOld { path: path.to_owned(), found: version.to_owned() });
        }
        Ok(Self { path: path.to_owned(), version: version.to_owned() })
    }
}

/// The nats-server to run: `explicit` and no other when it is given, else the first that is new enough on
/// `PATH`, in `.nats/` of the checkout, or in `places` (folders that hold it, or a `bin/` with it).
pub fn find(explicit: Option<&Path>, places: &[PathBuf]) -> Result<Binary, LaunchError> {
    if let Some(path) = explicit {
        return Binary::probe(path);
    }
    let mut refusal = LaunchError::NotFound;
    for path in on_path().chain(in_checkout()).chain(places.iter().flat_map(|place| in_folder(place))) {
        if !path.is_file() {
            continue;
        }
        match Binary::probe(&path) {
            Ok(binary) => return Ok(binary),
            // The first one found is the one that its owner expects to hear about.
            Err(error) if matches!(refusal, LaunchError::NotFound) => refusal = error,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(NAME)).collect::<Vec<_>>().into_iter()
}

/// Cargo names the package's folder to what it runs, so tests find the checkout from anywhere.
fn in_checkout() -> impl Iterator<Item = PathBuf> {
    let starts = [env::current_dir().ok(), env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)];
    starts
        .into_iter()
        .flatten()
        .flat_map(|start| start.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        // Any user may make a `.nats` in a folder like /tmp: only a checkout's is trusted.
        .filter(|folder| folder.join("Cargo.lock").is_file())
        .map(|folder| folder.join(".nats/bin").join(NAME))
}

fn in_folder(folder: &Path) -> [PathBuf; 2] {
    [folder.join(NAME), folder.join("bin").join(NAME)]
}

/// `nats-server: v2.15.1` as its text and its number.
fn parse(said: &str) -> Option<(&str, (u32, u32))> {
    let version = said.trim().strip_prefix("nats-server: v")?;
    let mut parts = version.split(['.', '-']);
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((version, (major, minor)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(parse("nats-server: v2.15.1\n"), Some(("2.15.1", (2, 15))));
        assert_eq!(parse("nats-server: v2.9.0"), Some(("2.9.0", (2, 9))));
        assert_eq!(parse("nats-server: v2.16.0-RC.1"), Some(("2.16.0-RC.1", (2, 16))));
        assert!((2, 9) < super::OLDEST);
    }

    #[test]
    fn what_is_no_nats_server_has_no_version() {
        assert_eq!(parse("nats: v0.3.0"), None);
        assert_eq!(parse(""), None);
    }
}
