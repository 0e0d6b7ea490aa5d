//! Files to import, and importing them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::command;
use crate::{Shop, eventually};

/// How many stories a file tells, each of about ten lines.
const STORIES: u32 = 28;

/// A file of about three hundred commands, each under a key, other ones for each number.
pub(crate) fn file(folder: &Path, number: u32) -> PathBuf {
    let path = folder.join(format!("commands-{number}.ndjson"));
    let stories = (0..STORIES).map(|story| Story { number: number * 1000 + story, lines: Vec::new() });
    fs::write(&path, stories.flat_map(Story::tell).collect::<Vec<_>>().join("\n")).unwrap();
    path
}

/// What one user does.
struct Story {
    number: u32,
    lines: Vec<String>,
}

impl Story {
    fn line(&mut self, method: &str, path: &str, body: &Value) {
        let key = format!("story {} line {}", self.number, self.lines.len()).replace(' ', "-");
        let line = json!({"method": method, "path": path, "body": body, "key": key});
        self.lines.push(line.to_string());
    }

    fn tell(mut self) -> Vec<String> {
        let number = self.number;
        let id = |kind: u128| Uuid::from_u128((kind << 64) + u128::from(number));
        let (ann, placed, draft) = (id(1), id(2), id(3));
        let article = |offset: u32| format!("article.{}", (number + offset) % 7);
        let lines = json!([{"sku": article(0), "quantity": number % 5 + 1, "unit_price": 250}]);
        let user = format!("/users/{ann}");

        let email = format!("ann-{number}@example.com");
        self.line("POST", "/users", &json!({"id": ann, "name": "Ann", "email": email}));
        self.line("POST", &format!("/stock/{}/receipts", article(0)), &json!({"quantity": number % 90 + 1}));
        self.line("POST", "/orders", &json!({"id": placed, "user_id": ann, "lines": lines}));
        // Changes nothing here, and would, were it carried out again later.
        self.line("PUT", &user, &json!({"name": "Ann"}));
        self.line("PUT", &user, &json!({"name": format!("Anna {number}")}));
        self.line("POST", &format!("/stock/{}/receipts", article(3)), &json!({"quantity": 5}));
        self.line("PUT", &format!("{user}/credit-limit"), &json!({"amount": number}));
        if number.is_multiple_of(3) {
            self.line("PUT", &user, &json!({"email": format!("anna-{number}@example.com")}));
        }
        let path = format!("/orders/{placed}");
        self.line("PUT", &path, &json!({"ship_to": "the first door"}));
        self.line("PUT", &path, &json!({"ship_to": "the second door"}));
        if number % 4 == 1 {
            self.line("POST", &format!("{path}/cancel"), &json!({"reason": "changed my mind"}));
        }
        if number % 5 == 4 {
            self.line("DELETE", &user, &json!({}));
            return self.lines;
        }
        self.line("POST", "/orders", &json!({"id": draft, "user_id": ann, "lines": [], "draft": true}));
        let path = format!("/orders/{draft}");
        self.line("PUT", &path, &json!({"lines": lines, "ship_to": "the third door"}));
        self.line("POST", &format!("{path}/place"), &json!({}));
        self.lines
    }
}

/// An import that runs, and ends with this value.
pub(crate) struct Import {
    child: Child,
    report: PathBuf,
}

impl Import {
    pub(crate) fn start(shop: &Shop, file: &Path) -> Self {
        let report = file.with_extension("json");
        let mut import = command();
        import.args(["import", file.to_str().unwrap(), "--json", "--api", shop.program.http()]);
        let child = import.stdout(File::create(&report).unwrap()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, report }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Its end, and what it reports.
    pub(crate) async fn ended(mut self) -> (Option<i32>, Value) {
        let status =
            eventually("the import ends", Duration::from_mins(1), async || self.child.try_wait().unwrap())
                .await;
        (status.code(), serde_json::from_slice(&fs::read(&self.report).unwrap()).unwrap_or_default())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Imports a file to its end; every line is accepted.
pub(crate) async fn import(shop: &Shop, file: &Path) -> Value {
    let (code, report) = Import::start(shop, file).ended().await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["accepted"], report["sent"], "{report}");
    report
}
