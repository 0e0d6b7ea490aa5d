//! Who we are to the broker, and how its word is known to be its own.

use std::path::PathBuf;

use async_nats::{ConnectOptions, ServerAddr, ServerError};
use percent_encoding::percent_decode_str;

/// How to be let in by a broker that is not for everybody.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A file with the credentials of a user (JWT and seed), or with the seed of its key alone.
    pub credentials: Option<PathBuf>,
    /// The certificates of those whom we believe that a server is the one it says; without it, those that this machine
    /// believes.
    pub authority: Option<PathBuf>,
    /// What the subjects of our answers begin with; a user may be allowed to hear its own answers alone.
    pub inbox: Option<String>,
}

impl Access {
    /// Options for these servers: user and password are those of the first URL that names one.
    pub(super) async fn options(&self, servers: &[&str]) -> Result<ConnectOptions, String> {
        let mut options = ConnectOptions::new();
        if let Some((user, password)) = servers.iter().find_map(|server| named(server)) {
            options = options.user_and_password(user, password);
        }
        if let Some(file) = &self.credentials {
            let unreadable = |error: std::io::Error| format!("--nats-creds {}: {error}", file.display());
            let text = tokio::fs::read_to_string(file).await.map_err(unreadable)?;
            options = if text.trim_start().starts_with("SU") {
                options.nkey(text.trim().to_owned())
            } else {
                options.credentials(&text).map_err(unreadable)?
            };
        }
        if let Some(file) = &self.authority {
            if !file.exists() {
                return Err(format!("--nats-ca {}: there is no such file", file.display()));
            }
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        if let Some(inbox) = &self.inbox {
            options = options.custom_inbox_prefix(inbox);
        }
        Ok(options)
    }
}

/// User and password in a URL.
fn named(server: &str) -> Option<(String, String)> {
    let address: ServerAddr = server.parse().ok()?;
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((plain(address.username()?), plain(address.password().unwrap_or_default())))
}

/// What a server refused this user, in its words.
pub(super) fn denied(error: &ServerError) -> Option<String> {
    let said = error.to_string();
    // The client knows it by no number: the server gives none.
    said.to_lowercase().contains("permissions violation").then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_user_and_password() {
        assert_eq!(named("nats://api:s%40fe@host:1"), Some(("api".into(), "s@fe".into())));
        assert_eq!(named("tls://host:1"), None);
    }
}
