//! The key under which e-mail addresses become ids of claims: the log is worth little without it. A file keeps it, 64
//! hexadecimal digits, readable for its owner alone.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use event_store::EventStore;

use crate::exit::{Exit, Failure};
use crate::serve::CLAIM_KEY;

/// Writes the key of a deployment.
pub(crate) async fn write(store: &EventStore, path: &Path) -> Result<(), Failure> {
    let Some(key) = store.kept_secret(CLAIM_KEY).await? else {
        return Err(Failure::new(Exit::NotFound, "--claim-key: this broker has no key yet"));
    };
    let mut text = String::with_capacity(65);
    for byte in key {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Failure::because(Exit::Usage, format!("--claim-key {} cannot be written", path.display()), error)
    })
}

/// Gives the key of a file to the broker; whether another one was there.
pub(crate) async fn keep(store: &EventStore, path: &Path) -> Result<bool, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::because(Exit::Usage, format!("--claim-key {name} cannot be read"), error)
    })?;
    let key = read(text.trim())
        .ok_or_else(|| Failure::setting(format!("--claim-key {name} is not 64 hexadecimal digits")))?;
    let kept = store.kept_secret(CLAIM_KEY).await?;
    if kept == Some(key) {
        return Ok(false);
    }
    store.keep_secret(CLAIM_KEY, key).await?;
    Ok(kept.is_some())
}

fn read(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; 32];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits() {
        assert_eq!(read(&"0f".repeat(32)), Some([15; 32]));
        for wrong in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
