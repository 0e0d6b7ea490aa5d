//! Other stores, each in its durable mode, driven by a process of their own (`docs/benchmarks/peers`). Where that was not
//! built they are left out, and the table says so.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::measure::Found;

/// Their names, and what they are called in the table.
pub const PEERS: [(&str, &str); 2] =
    [("umadb", "UmaDB 0.7.8"), ("postgres-es", "postgres-es 0.5 on PostgreSQL 15")];

/// Their servers; they end with this value.
pub struct Peers {
    pub program: PathBuf,
    /// Where each of them listens.
    pub at: serde_json::Value,
    _servers: Child,
    _open: ChildStdin,
    _data: tempfile::TempDir,
}

impl Peers {
    pub async fn start() -> Option<Self> {
        let of_repository = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let mut built = of_repository.map(|folder| folder.join("docs/benchmarks/peers/target/release/peers"));
        let built = built.find(|built| built.exists()).unwrap_or_default();
        let program = std::env::var_os("PEERS").map_or(built, PathBuf::from);
        if !program.exists() {
            println!(
                "UmaDB and postgres-es are left out: docs/benchmarks/peers/setup.sh builds what measures them.\n"
            );
            return None;
        }
        let data = tempfile::tempdir().unwrap();
        // The servers do not run as root, and must get to their folder.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(data.path(), open).unwrap();
        let mut servers = Command::new(&program)
            .args(["serve", "--dir"])
            .arg(data.path().join("peers"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let open = servers.stdin.take().unwrap();
        let mut said = String::new();
        BufReader::new(servers.stdout.take().unwrap()).read_line(&mut said).await.unwrap();
        let at = serde_json::from_str(&said).unwrap();
        Some(Self { program, at, _servers: servers, _open: open, _data: data })
    }

    pub async fn appends(&self, peer: &str, writers: usize, time: Duration) -> Found {
        let at = self.at[if peer == "umadb" { "umadb" } else { "postgres" }].as_str().unwrap();
        let output = Command::new(&self.program)
            .args(["appends", "--peer", peer, "--at", at, "--warmup", "0.5"])
            .args(["--writers", &writers.to_string(), "--seconds", &time.as_secs_f64().to_string()])
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let found: serde_json::Value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let number = |name: &str| found[name].as_f64().unwrap();
        Found { rate: number("per_second"), p50: number("p50_ms"), p99: number("p99_ms") }
    }
}
