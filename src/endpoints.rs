//! `serve.json` and the ready file: where a running `serve` is found. They are there while everything serves.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const FILE: &str = "serve.json";

/// Where a running `serve` is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// The API; none when its role runs elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<String>,
    /// The broker.
    pub(crate) nats: String,
    /// The program.
    pub(crate) pid: u32,
}

impl Endpoints {
    /// Of the `serve` on this data folder. One that was killed leaves them behind: nobody answers there then.
    pub(crate) fn of(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data_dir.join(FILE)).ok()?).ok()
    }
}

/// The files in which a `serve` says that it is ready. They go away with this value.
#[derive(Debug)]
pub(crate) struct Ready {
    files: Vec<PathBuf>,
}

impl Ready {
    /// Takes away what a killed program left, so that nobody takes this one for ready.
    pub(crate) fn not_yet(data_dir: &Path, ready_file: Option<&Path>) -> io::Result<Self> {
        let files = [Some(data_dir.join(FILE)), ready_file.map(Path::to_owned)];
        let ready = Self { files: files.into_iter().flatten().collect() };
        for file in &ready.files {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(ready)
    }

    /// Everything serves.
    pub(crate) fn now(&self, endpoints: &Endpoints) -> io::Result<()> {
        let mut text = serde_json::to_vec(endpoints)?;
        text.push(b'\n');
        self.files.iter().try_for_each(|file| put(file, &text))
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        for file in &self.files {
            // One that stays names a process that is gone.
            let _ = fs::remove_file(file);
        }
    }
}

/// Renamed into place: whoever sees the file sees all of it.
fn put(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    // A broker's URL may hold a password.
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    options.and_then(|mut draft| draft.write_all(text))?;
    fs::rename(&draft, file)
}

/// A URL as it may be shown.
pub(crate) fn without_password(urls: &str) -> String {
    urls.split(',').map(one_without_password).collect::<Vec<_>>().join(",")
}

fn one_without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or_default();
            let hidden = authority.rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[hidden..])
        }
        None => url[url.rfind('@').map_or(0, |at| at + 1)..].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("nats://ann:s3@cret@host:4222"), "nats://host:4222");
        assert_eq!(without_password("ann:secret@host"), "host");
        assert_eq!(without_password("nats://a:s@one,nats://b:t@two:4223"), "nats://one,nats://two:4223");
        assert_eq!(without_password("nats://host:4222/a@b"), "nats://host:4222/a@b");
    }

    #[test]
    fn readiness_is_told_in_all_files_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("ready");
        fs::write(&named, "of a killed run").unwrap();
        let ready = Ready::not_yet(folder.path(), Some(&named)).unwrap();
        assert!(!named.exists());
        let nats = "nats://127.0.0.1:1".to_owned();
        ready.now(&Endpoints { http: None, nats, pid: 7 }).unwrap();
        assert_eq!(fs::read_to_string(&named).unwrap(), "{\"nats\":\"nats://127.0.0.1:1\",\"pid\":7}\n");
        assert_eq!(Endpoints::of(folder.path()).unwrap().pid, 7);
        drop(ready);
        assert!(!named.exists() && Endpoints::of(folder.path()).is_none());
    }
}
