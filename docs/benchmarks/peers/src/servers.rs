//! The two servers as children of this process. They end with it, however it ends.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sqlx::{Connection as _, PgConnection};
use tokio::process::{Child, Command};

use crate::postgres::{SCHEMA, durable_settings};
use crate::umadb;

/// Enough for 256 writers and those that PostgreSQL keeps for itself.
const MAX_CONNECTIONS: u16 = 300;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Umadb {
    pub(crate) child: Child,
    pub(crate) url: String,
}

impl Umadb {
    /// Starts the server with its defaults, whatever the environment says of them.
    pub(crate) async fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        ensure!(program.exists(), "there is no {}: run setup.sh", program.display());
        let listen = format!("127.0.0.1:{}", free_port()?);
        let folder = data.join("umadb");
        std::fs::create_dir(&folder)?;
        let mut command = bound_to_this_process(None);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("UMADB_")) {
            command.env_remove(name);
        }
        let mut child = command
            .arg(program)
            .args(["--listen", &listen, "--db-path"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = format!("http://{listen}");
        ready("umadb", &mut child, async || umadb::Umadb::connect(&url).await).await?;
        Ok(Self { child, url })
    }

    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

pub(crate) struct Postgres {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) settings: HashMap<&'static str, String>,
}

impl Postgres {
    /// A new cluster with the table of postgres-es. What it does for durability is its default.
    pub(crate) async fn start(bin: Option<PathBuf>, data: &Path) -> anyhow::Result<Self> {
        let bin = bin.map_or_else(postgres_bin, Ok)?;
        let user = user()?;
        let folder = data.join("postgres");
        std::fs::create_dir(&folder)?;
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid))?;
        }
        let made = bound_to_this_process(user)
            .arg(bin.join("initdb"))
            .args(["--username=peers", "--auth=trust", "--locale=C", "--encoding=UTF8", "--pgdata"])
            .arg(&folder)
            .current_dir(&folder)
            .output()
            .await?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let port = free_port()?;
        let mut child = bound_to_this_process(user)
            .arg(bin.join("postgres"))
            .arg("-D")
            .arg(&folder)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", &format!("port={port}"), "-c", &format!("max_connections={MAX_CONNECTIONS}")])
            .args(["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "log_min_messages=fatal"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = format!("postgres://peers@127.0.0.1:{port}/postgres");
        let status = folder.join("postmaster.pid");
        let connect = async || {
            let status = std::fs::read_to_string(&status)?;
            ensure!(status.lines().last().is_some_and(|line| line.trim() == "ready"), "it still starts");
            Ok(PgConnection::connect(&url).await?)
        };
        let mut connection = ready("postgres", &mut child, connect).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        let settings = durable_settings(&mut connection).await?;
        connection.close().await?;
        Ok(Self { child, url, settings })
    }

    /// Disconnects who is there and stops.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id() {
            Command::new("kill").args(["-INT", &pid.to_string()]).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

/// A command that takes a program: it is interrupted when this process dies, and runs as `user` where there is one.
fn bound_to_this_process(user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new("setpriv");
    // A group of its own: Ctrl-C in a terminal is for this process, which then stops the servers.
    command.process_group(0);
    command.args(["--pdeathsig", "INT"]);
    if let Some((uid, gid)) = user {
        command.args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups"]);
    }
    command
}

/// Who PostgreSQL runs as: it refuses to run as root, so root hands it to another user.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some((ids.next()?.ok()?, ids.next()?.ok()?))
        })
        .map(Some)
        .context("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

fn postgres_bin() -> anyhow::Result<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql/15/bin");
    if debian.exists() {
        return Ok(debian.into());
    }
    let said = std::process::Command::new("pg_config").arg("--bindir").output();
    let said = said.context("no PostgreSQL here: install it, or say --postgres-bin")?;
    Ok(String::from_utf8(said.stdout)?.trim().into())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Tries until it works, as long as the server runs.
async fn ready<T>(
    name: &str,
    child: &mut Child,
    attempt: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if started.elapsed() > PATIENCE => {
                return Err(error.context(format!("{name} does not answer")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        if let Some(status) = child.try_wait()? {
            bail!("{name} has ended: {status}");
        }
    }
}
