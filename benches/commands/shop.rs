//! The real program, started as a user would, and what is asked of it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::requests::answer;

/// The real program, on a log of its own.
pub(crate) struct Shop {
    pub(crate) program: Child,
    _data: tempfile::TempDir,
    pub(crate) address: String,
    pub(crate) nats: String,
    user: Uuid,
}

impl Shop {
    /// On a data folder, which may have a log already.
    pub(crate) async fn over(data: tempfile::TempDir, arguments: &[&str]) -> Self {
        let ready = data.path().join("ready.json");
        let program = Command::new(env!("CARGO_BIN_EXE_jetsource"))
            .args(["serve", "--listen", "127.0.0.1:0", "--nats-port", "0", "--data-dir"])
            .arg(data.path())
            .arg("--ready-file")
            .arg(&ready)
            .args(arguments)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = loop {
            if let Ok(text) = std::fs::read(&ready) {
                break serde_json::from_slice::<serde_json::Value>(&text).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let address = said["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
        let nats = said["nats"].as_str().unwrap().to_owned();
        let user = Uuid::now_v7();
        let body = serde_json::json!({"id": user, "name": "Ann", "email": "ann@example.com"});
        let mut stream = BufReader::new(TcpStream::connect(&address).await.unwrap());
        stream.get_mut().write_all(&post("/users", &body)).await.unwrap();
        answer(&mut stream).await;
        Self { program, _data: data, address, nats, user }
    }

    /// A request that places an order of one line.
    pub(crate) fn order(&self) -> Vec<u8> {
        let line = serde_json::json!({"sku": "85123A", "quantity": 6, "unit_price": 255});
        post(
            "/orders",
            &serde_json::json!({"user_id": self.user, "lines": [line], "ship_to": "1 Main Street"}),
        )
    }

    pub(crate) async fn stop(mut self) {
        let pid = self.program.id().unwrap().to_string();
        Command::new("kill").arg(pid).status().await.unwrap();
        self.program.wait().await.unwrap();
    }
}

pub(crate) fn post(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
