//! The real program on a folder of its own: started as its users start it, killed as their machines kill it.
//!
//! A file of tests takes it in with `pub mod harness;`: public, so that what it does not use is no dead code.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A slow machine under load starts everything in less.
const TO_SERVE: Duration = Duration::from_mins(1);
const TO_END: Duration = Duration::from_secs(30);

/// A `jetsource serve` that runs, and ends with this value, its broker too.
#[derive(Debug)]
pub struct Program {
    folder: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    child: Child,
    ready: Value,
    starts: u32,
}

impl Program {
    /// The API and the read models, on free ports.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::Builder::new().prefix("jetsource-test-").tempdir().unwrap(), arguments)
    }

    /// In a folder that the test has prepared; the data folder is `data` in it.
    #[must_use]
    pub fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        Self::start_told(folder, arguments, &[])
    }

    /// With variables in its environment too.
    #[must_use]
    pub fn start_told(folder: TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let child = spawn(folder.path(), &arguments, &variables, 0);
        let mut program = Self { folder, arguments, variables, child, ready: Value::Null, starts: 0 };
        program.await_ready();
        program
    }

    /// Starts it again on the same folder, after [`Program::kill`] or [`Program::terminate`].
    pub fn restart(&mut self) {
        assert!(self.has_ended(), "it still runs");
        self.starts += 1;
        self.child = spawn(self.folder.path(), &self.arguments, &self.variables, self.starts);
        self.await_ready();
    }

    /// Starts it again on the same folder with other arguments, after [`Program::kill`] or [`Program::terminate`].
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self.restart();
    }

    /// Where the API is, such as `http://127.0.0.1:40001`.
    #[must_use]
    pub fn http(&self) -> &str {
        self.ready["http"].as_str().expect("the role api runs")
    }

    /// Where the broker is, such as `nats://127.0.0.1:40002`.
    #[must_use]
    pub fn nats(&self) -> &str {
        self.ready["nats"].as_str().unwrap()
    }

    /// What its ready file said.
    #[must_use]
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The folder that this test has for itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The ready file.
    #[must_use]
    pub fn ready_file(&self) -> PathBuf {
        self.folder.path().join("ready.json")
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process of its broker, by the record beside the store; `None` when it runs on another's.
    #[must_use]
    pub fn broker_pid(&self) -> Option<u32> {
        broker_pid(&self.data_dir())
    }

    /// What it has said on standard error since its last start.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read_to_string(stderr_file(self.folder.path(), self.starts)).unwrap_or_default()
    }

    /// Another call of the program on this one's data folder and read models, run to its end.
    #[must_use]
    pub fn call(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.args(arguments).arg("--data-dir").arg(self.data_dir());
        let mut own = self.arguments.iter();
        if own.any(|argument| argument == "--views") {
            command.env("JETSOURCE_VIEWS", own.next().unwrap());
        }
        command.output().unwrap()
    }

    /// SIGKILL, as a crash. Its broker is left behind, as it would be.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; returns at once.
    pub fn ask_to_end(&self) {
        send(self.pid(), Signal::TERM);
    }

    /// SIGTERM; it must end in order.
    pub fn terminate(&mut self) {
        self.ask_to_end();
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "it did not end in order: {}", self.stderr());
    }

    /// Waits for it to end by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = poll(TO_END, || child.try_wait().unwrap());
        status.unwrap_or_else(|| panic!("it does not end: {}", self.stderr()))
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn await_ready(&mut self) {
        let (file, pid) = (self.ready_file(), self.pid());
        let child = &mut self.child;
        let ready = poll(TO_SERVE, || {
            let ready: Option<Value> =
                fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
            // That of a killed run lies there until this one has begun.
            let ready = ready.filter(|ready| ready["pid"] == pid);
            if ready.is_none() && child.try_wait().unwrap().is_some() { Some(None) } else { ready.map(Some) }
        });
        self.ready = ready.flatten().unwrap_or_else(|| panic!("it does not serve: {}", self.stderr()));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(broker) = broker_pid(&self.data_dir()) {
            send(broker, Signal::KILL);
            // The folder goes away next, and a dying broker still writes.
            await_end(broker);
        }
    }
}

/// A call of the program on another's data folder that is under way, and killed with this value.
#[derive(Debug)]
pub struct UnderWay(pub Child);

impl UnderWay {
    /// Starts it.
    #[must_use]
    pub fn start(program: &Program, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments).arg("--data-dir").arg(program.data_dir());
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A call of the program, run to its end, with no setting from outside.
#[must_use]
pub fn call(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// The program, with no setting from outside.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jetsource"));
    for (name, _) in std::env::vars_os() {
        // The tests' own choice of a broker is for the program too.
        if name.to_string_lossy().starts_with("JETSOURCE_") && name != "JETSOURCE_NATS_SERVER" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What a call said on standard error.
#[must_use]
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a call said on standard output.
#[must_use]
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a process runs; a zombie does not.
#[must_use]
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    let state = stat.ok().and_then(|stat| stat.rsplit(") ").next()?.chars().next());
    match state {
        Some(state) => !matches!(state, 'Z' | 'X'),
        None => id(pid).is_some_and(|pid| test_kill_process(pid).is_ok()),
    }
}

/// Returns once the process is gone.
pub fn await_end(pid: u32) {
    poll(TO_END, || (!runs(pid)).then_some(())).unwrap_or_else(|| panic!("process {pid} does not end"));
}

/// Asks until there is an answer, for so long.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        match ask() {
            None if Instant::now() < deadline => sleep(pause),
            answer => return answer,
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// An address that nobody has, and that no connection takes by chance while the program is down: it can be started there again.
#[must_use]
pub fn free_address() -> String {
    // Tests of another checkout look elsewhere.
    let first = 20_000 + std::process::id() % 10_000;
    let mut addresses = (first..32_000).map(|port| format!("127.0.0.1:{port}"));
    addresses.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

/// Sends a signal, to whoever is still there.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = id(pid) {
        let _ = kill_process(pid, signal);
    }
}

fn id(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).unwrap())
}

fn broker_pid(data_dir: &Path) -> Option<u32> {
    let record: Value =
        serde_json::from_slice(&fs::read(data_dir.join("nats/nats-server.json")).ok()?).ok()?;
    u32::try_from(record["pid"].as_u64()?).ok()
}

fn stderr_file(folder: &Path, starts: u32) -> PathBuf {
    folder.join(format!("stderr-{starts}.log"))
}

fn spawn(folder: &Path, arguments: &Vec<String>, variables: &[(String, String)], starts: u32) -> Child {
    let mut command = command();
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.arg("serve").arg("--data-dir").arg(folder.join("data"));
    command.arg("--ready-file").arg(folder.join("ready.json"));
    // Sagas go on by themselves: a test that wants them says so.
    let defaults = [("--listen", "127.0.0.1:0"), ("--nats-port", "0"), ("--role", "api,projections")];
    for (flag, value) in defaults {
        if !arguments.iter().any(|argument| argument == flag) {
            command.args([flag, value]);
        }
    }
    command.args(arguments).stdout(Stdio::null());
    command.stderr(File::create(stderr_file(folder, starts)).unwrap()).spawn().unwrap()
}
