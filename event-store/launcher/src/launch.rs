//! One start of the server, until it is ready or will not be.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::home::Home;
use crate::record::Record;
use crate::staging::Stage;
use crate::{Binary, LaunchError, config, health, lock};

/// A large log takes its time to recover.
const TO_BE_READY: Duration = Duration::from_mins(2);
const LAST_LINES: usize = 4;

/// All that a start needs, and each restart again.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) binary: Binary,
    pub(crate) home: Home,
    pub(crate) config: String,
    pub(crate) stage: Arc<Stage>,
    /// Away from the terminal, so that Ctrl-C reaches the program only.
    pub(crate) own_group: bool,
    /// Whether it is the whole broker, not one of several.
    pub(crate) alone: bool,
}

/// A server that is ready.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) monitoring_url: String,
}

#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
    #[serde(default)]
    monitoring: Vec<String>,
}

impl Plan {
    /// Starts the server on `port` (0 takes a free one) and returns once it serves.
    pub(crate) async fn launch(&self, port: u16) -> Result<Running, LaunchError> {
        let lock = lock::take(&self.home).await?;
        // On a full disk it would give up for good what an earlier one had half written.
        if !health::has_room(self.home.dir()) {
            let full = io::Error::new(io::ErrorKind::StorageFull, "its disk has less than 16 MiB of room");
            return Err(LaunchError::folder(self.home.dir())(full));
        }
        // What a crash left in the kernel's hands is about to be served, and must not be taken back by a power cut.
        self.home.sync().await;
        self.home.prepare(&self.config, port)?;
        let left_behind = self.stage.left_behind();
        let log = self.home.open_log()?;
        let log_begins = log.metadata().map_or(0, |metadata| metadata.len());
        let not_runnable = |source| LaunchError::NotRunnable { path: self.binary.path().to_owned(), source };
        let child = {
            // The command holds the lock too: it must be gone before anything is awaited.
            let mut command = Command::new(self.binary.path());
            command.arg("-c").arg(self.home.config()).stdin(lock);
            command.stdout(log.try_clone().map_err(LaunchError::folder(self.home.log()))?).stderr(log);
            command.kill_on_drop(true);
            if self.own_group {
                command.process_group(0);
            }
            command.spawn().map_err(not_runnable)?
        };
        let Some(pid) = child.id() else {
            return Err(self.died(log_begins));
        };
        Record::write(&self.home, pid, config::sync_mode(&self.config))?;
        let running = self.ready(child, pid, log_begins).await?;
        self.stage.settle(&left_behind).await;
        Ok(running)
    }

    async fn ready(&self, mut child: Child, pid: u32, log_begins: u64) -> Result<Running, LaunchError> {
        let deadline = Instant::now() + TO_BE_READY;
        let mut pause = Duration::from_millis(2);
        loop {
            self.stage.put_back();
            if let Some((port, monitoring_url)) = self.read_ports() {
                return Ok(Running { child, pid, port, monitoring_url });
            }
            if !matches!(child.try_wait(), Ok(None)) {
                return Err(self.died(log_begins));
            }
            if Instant::now() >= deadline {
                return Err(LaunchError::NotReady { log: self.home.log(), seconds: TO_BE_READY.as_secs() });
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.stage.patience());
        }
    }

    /// The server writes its ports file last; half a file is no file yet.
    fn read_ports(&self) -> Option<(u16, String)> {
        let mut files = fs::read_dir(self.home.ports()).ok()?;
        let path: PathBuf = files.find_map(|entry| Some(entry.ok()?.path()))?;
        let mut ports: Ports = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let port = ports.nats.first()?.rsplit(':').next()?.parse().ok()?;
        Some((port, ports.monitoring.pop().unwrap_or_default()))
    }

    fn died(&self, log_begins: u64) -> LaunchError {
        let log = self.home.log();
        let last_words = last_lines(&log, log_begins).unwrap_or_else(|error| error.to_string());
        LaunchError::Died { log, last_words }
    }
}

fn last_lines(log: &std::path::Path, begins: u64) -> io::Result<String> {
    let text = fs::read(log)?;
    let text = text.get(usize::try_from(begins).unwrap_or(0)..).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(LAST_LINES)..].join(" | "))
}
