//! Both servers on throwaway data, for as long as stdin is open.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::servers::{Postgres, Umadb};

pub(crate) async fn serve(dir: &Path, umadb: &Path, postgres_bin: Option<PathBuf>) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    let filesystem = filesystem(&dir)?;
    ensure!(!["tmpfs", "ramfs"].contains(&&*filesystem), "{} is in memory: it has no disk", dir.display());
    // Open to the user that PostgreSQL runs as when this runs as root.
    let data = tempfile::Builder::new()
        .prefix("peers-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(&dir)?;

    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut umadb = Umadb::start(umadb, data.path()).await?;
    let mut postgres = Postgres::start(postgres_bin, data.path()).await?;
    println!(
        "{}",
        serde_json::json!({
            "umadb": umadb.url,
            "postgres": postgres.url,
            "postgres_settings": postgres.settings,
            "filesystem": filesystem,
        })
    );
    tokio::select! {
        _ = stdin_closed() => {}
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        status = umadb.child.wait() => bail!("umadb has ended: {}", status?),
        status = postgres.child.wait() => bail!("postgres has ended: {}", status?),
    }
    umadb.stop().await?;
    postgres.stop().await?;
    Ok(data.close()?)
}

/// Told when stdin has ended. A thread of its own reads it: the runtime would wait at its end for a read under way.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closed, told) = oneshot::channel();
    std::thread::spawn(move || {
        // What comes is ignored, and a stdin that cannot be read is a closed one.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = closed.send(());
    });
    told
}

fn filesystem(dir: &Path) -> anyhow::Result<String> {
    let said = Command::new("stat").args(["--file-system", "--format=%T"]).arg(dir).output()?;
    ensure!(said.status.success(), "stat: {}", String::from_utf8_lossy(&said.stderr));
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}
