//! A server that runs for as long as this value does.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::home::Home;
use crate::launch::Plan;
use crate::process;
use crate::staging::Stage;
use crate::supervisor::{Status, supervise};
use crate::{Binary, CONFIG, LaunchError, Staging, config, find, ports};

/// The port for clients, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// This one, or a free one when it is taken.
    Preferred(u16),
    /// A free one.
    Free,
}

/// What to run, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program.
    pub binary: Binary,
    /// The server's own folder, for its store and all that belongs to it; made when there is none.
    pub dir: PathBuf,
    /// The port for clients.
    pub port: Port,
    /// The configuration, [`CONFIG`] unless said otherwise; its `listen`, `http` and `store_dir` lines are set.
    pub config: String,
    /// Where batches are gathered, on disk unless said otherwise.
    pub staging: Staging,
}

impl Options {
    /// The shipped configuration on a free port, staging on disk.
    pub fn new(binary: Binary, dir: impl Into<PathBuf>) -> Self {
        let (port, config, staging) = (Port::Free, CONFIG.to_owned(), Staging::Disk);
        Self { binary, dir: dir.into(), port, config, staging }
    }
}

/// A nats-server that is ready, and is started again when it dies. Dropping it kills it; [`Server::stop`] asks.
#[derive(Debug)]
pub struct Server {
    port: u16,
    dir: PathBuf,
    stage: Arc<Stage>,
    status: watch::Receiver<Status>,
    stop: Option<oneshot::Sender<()>>,
    supervisor: JoinHandle<()>,
    scratch: Option<TempDir>,
}

impl Server {
    /// Starts the server and returns once it serves. A server that a killed program left in the folder is ended
    /// first; one that anybody else runs there is an error.
    pub async fn start(options: Options) -> Result<Self, LaunchError> {
        Self::start_in(options, true).await
    }

    /// A server for a test, in a folder and on a port of its own: the one that `JETSOURCE_NATS_SERVER` names, or
    /// one of the usual places.
    pub async fn throwaway() -> Result<Self, LaunchError> {
        let (binary, scratch) = for_test()?;
        let mut server = Self::beside_tests(Options::new(binary, scratch.path())).await?;
        server.scratch = Some(scratch);
        Ok(server)
    }

    /// In the group of the tests, so that Ctrl-C ends it with them.
    pub(crate) async fn beside_tests(options: Options) -> Result<Self, LaunchError> {
        Self::start_in(options, false).await
    }

    async fn start_in(options: Options, own_group: bool) -> Result<Self, LaunchError> {
        let home = Home::make(&options.dir)?;
        let dir = home.dir().to_owned();
        home.turn_log()?;
        let alone = !config::is_clustered(&options.config);
        let stage = Arc::new(Stage::make(&options.staging, home.dir())?);
        let (binary, config) = (options.binary, options.config);
        let plan = Plan { binary, home, config, stage: Arc::clone(&stage), own_group, alone };
        let port = match options.port {
            Port::Preferred(port) if ports::is_free(port) => port,
            Port::Preferred(_) | Port::Free => 0,
        };
        let running = match plan.launch(port).await {
            // Somebody took the port in between.
            Err(LaunchError::Died { .. }) if port != 0 && !ports::is_free(port) => plan.launch(0).await?,
            first => first?,
        };
        let port = running.port;
        let (tell, status) = watch::channel(Status::of(&running, 0));
        let (stop, stopped) = oneshot::channel();
        let supervisor = tokio::spawn(supervise(plan, running, tell, stopped));
        Ok(Self { port, dir, stage, status, stop: Some(stop), supervisor, scratch: None })
    }

    /// Where clients connect; the same after a restart.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port for clients; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process that serves, or served last.
    pub fn pid(&self) -> u32 {
        self.status.borrow().pid
    }

    /// Where it answers monitoring requests over HTTP; another port after each restart.
    pub fn monitoring_url(&self) -> String {
        self.status.borrow().monitoring_url.clone()
    }

    /// The server's folder, which is its `store_dir` too.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts the staging of streams that were made since the start where the others' is. To be called before anybody
    /// writes to them.
    pub async fn stage(&self) {
        self.stage.put().await;
    }

    /// Where batches are gathered now: on disk if those of any stream are.
    pub fn staging(&self) -> Staging {
        self.stage.in_force()
    }

    /// What is known of the server, and every change of it.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Returns once the server was started again for the `times`th time and serves.
    pub async fn restarted(&self, times: u64) {
        // An error means that it was stopped, and this value with it.
        let _ = self.status().wait_for(|status| status.up && status.restarts >= times).await;
    }

    /// SIGTERM, then SIGKILL if it takes more than 10 s; returns once the process is gone.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = (&mut self.supervisor).await;
    }

    /// SIGKILL, as a crash; it is started again by itself.
    pub fn kill(&self) -> Result<(), LaunchError> {
        self.send(Signal::KILL)
    }

    /// SIGSTOP: it keeps its connections and answers nothing. Returns once it stands still.
    pub fn pause(&self) -> Result<(), LaunchError> {
        self.send(Signal::STOP)?;
        process::await_stopped(self.pid());
        Ok(())
    }

    /// SIGCONT, after a pause.
    pub fn resume(&self) -> Result<(), LaunchError> {
        self.send(Signal::CONT)
    }

    fn send(&self, signal: Signal) -> Result<(), LaunchError> {
        let status = self.status.borrow();
        if status.up && process::send(status.pid, signal) { Ok(()) } else { Err(LaunchError::Down) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First, or it would start the server again.
        self.supervisor.abort();
        let pid = self.pid();
        if self.send(Signal::KILL).is_ok()
            && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        {
            // The folder may go away next, and a dying server still writes. Only looked at: tokio reaps it.
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
    }
}

/// The server that tests run, and a folder that is gone after them.
pub(crate) fn for_test() -> Result<(Binary, TempDir), LaunchError> {
    let explicit = env::var_os("JETSOURCE_NATS_SERVER").map(PathBuf::from);
    let binary = find(explicit.as_deref(), &[])?;
    let scratch = tempfile::Builder::new().prefix("jetsource-nats-").tempdir();
    Ok((binary, scratch.map_err(LaunchError::folder(env::temp_dir()))?))
}
