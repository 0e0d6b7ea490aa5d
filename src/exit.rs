//! How a call ends: an exit code, and one line on standard error that says what to do.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use event_store::{ConnectError, StoreError, StreamError};
use nats_launcher::LaunchError;
use projections::{ControlError, VerifyError, ViewError};

use crate::endpoints::without_password;

/// What a call comes to when it is not done. Done is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did not work.
    Failed = 1,
    /// A wrong argument, or a setting that cannot work.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// Somebody else has it.
    Conflict = 4,
    /// Nobody answers.
    Unavailable = 5,
    /// The log is not what it must be.
    Verification = 6,
}

impl Exit {
    /// Of what an API has refused with this status.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            400 | 401 | 413 | 415 | 422 => Self::Usage,
            404 => Self::NotFound,
            409 | 412 => Self::Conflict,
            503 => Self::Unavailable,
            _ => Self::Failed,
        }
    }
}

/// Why a call is not done.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// With a line that says what to do.
    pub(crate) fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(line.into()) }
    }

    /// A setting that cannot work; the line names it.
    pub(crate) fn setting(line: impl Into<String>) -> Self {
        Self::new(Exit::Usage, line)
    }

    /// With a line of our own, because of an error.
    pub(crate) fn because(
        exit: Exit,
        line: impl Into<String>,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { exit, error: anyhow::Error::new(cause).context(line.into()) }
    }

    /// Whether an I/O error of this kind is behind it.
    pub(crate) fn is(&self, kind: io::ErrorKind) -> bool {
        self.error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind)
    }

    /// Tells it on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        // Whoever closed standard error does not want to hear it.
        let _ = writeln!(io::stderr().lock(), "error: {}", self.line());
        ExitCode::from(self.exit as u8)
    }

    /// It in one line.
    pub(crate) fn line(&self) -> String {
        one_line(self.error.as_ref())
    }
}

/// An error and its causes as one line. A cause that the line tells already is not told again.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            let _ = write!(line, ": {text}");
        }
        cause = error.source();
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let exit = match &error {
            LaunchError::NotFound
            | LaunchError::TooOld { .. }
            | LaunchError::NotRunnable { .. }
            | LaunchError::Folder { .. }
            | LaunchError::Staging { .. } => Exit::Usage,
            LaunchError::DataDirInUse { .. }
            | LaunchError::StoreInUse { .. }
            | LaunchError::OrphanStays { .. } => Exit::Conflict,
            LaunchError::Died { .. } | LaunchError::NotReady { .. } | LaunchError::Down => Exit::Unavailable,
        };
        Self { exit, error: error.into() }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            // Its own line shows the URL as it is.
            ConnectError::NoAnswer { url, source } => {
                let url = without_password(&url);
                let line =
                    format!("no NATS server answers at {url}: start it, or name another with --nats-url");
                Self { exit: Exit::Unavailable, error: anyhow::Error::from_boxed(source).context(line) }
            }
            ConnectError::NotLetIn { url, reason } => Self::setting(format!(
                "the NATS server at {} does not let us in: {reason}",
                without_password(&url)
            )),
            ConnectError::TooOld { .. } | ConnectError::NoJetStream(_) => {
                Self { exit: Exit::Usage, error: error.into() }
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) => Exit::Unavailable,
            StoreError::Conflict { .. } => Exit::Conflict,
            StoreError::Corrupt(_) => Exit::Verification,
            StoreError::Unfit(_) => Exit::Failed,
        };
        Self { exit, error: error.into() }
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Store(error) => error.into(),
            StreamError::Differs { .. } | StreamError::NotAllowed { .. } => {
                Self { exit: Exit::Usage, error: error.into() }
            }
            StreamError::Refused { .. } | StreamError::TooFewServers { .. } => {
                Self { exit: Exit::Unavailable, error: error.into() }
            }
        }
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Open { .. } => Self::because(Exit::Usage, "--views cannot be used", error),
            ViewError::Unreachable { .. } => {
                Self::because(Exit::Unavailable, "--views cannot be reached", error)
            }
            ViewError::Driven { .. } => {
                let line = "--views names what another process writes: give each process a file of its own, or share a \
                            postgres:// database";
                Self::because(Exit::Conflict, line, error)
            }
            ViewError::Home(_) => Self { exit: Exit::Unavailable, error: error.into() },
            ViewError::WrongCursor
            | ViewError::UnknownView(_)
            | ViewError::UnknownColumn { .. }
            | ViewError::Unfit { .. }
            | ViewError::NotBuilt(_)
            | ViewError::Overtaken(_) => Self { exit: Exit::Failed, error: error.into() },
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Log(error) => error.into(),
            VerifyError::View(ViewError::NotBuilt(_)) | VerifyError::OtherVersion { .. } => {
                Self { exit: Exit::Unavailable, error: error.into() }
            }
            VerifyError::View(error) => error.into(),
        }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self { exit: Exit::Unavailable, error: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_with_each_cause_once() {
        let cause = io::Error::other("the disk\nis full");
        let failure = Failure::because(Exit::Failed, "cannot write", cause);
        assert_eq!(failure.line(), "cannot write: the disk is full");
    }

    #[test]
    fn what_cannot_work_and_what_is_away_are_told_apart() {
        assert_eq!(Failure::from(LaunchError::NotFound).exit, Exit::Usage);
        assert_eq!(Failure::from(LaunchError::Down).exit, Exit::Unavailable);
        assert_eq!(Failure::from(StoreError::Corrupt("gap".into())).exit, Exit::Verification);
    }
}
