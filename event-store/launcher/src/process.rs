//! Processes that this one may not be the parent of: who they are, and signals to them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for a later one with the same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// In the system's own terms, good for comparing only.
    pub(crate) started: String,
}

impl Process {
    /// The process that has this pid now; a zombie is none.
    pub(crate) fn with_pid(pid: u32) -> Option<Self> {
        let (state, started) = state_and_start(pid)?;
        (!state.starts_with(['Z', 'X'])).then_some(Self { pid, started })
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::with_pid(self.pid).as_ref() == Some(self)
    }

    /// Whether the command line of the process with this pid names `what`.
    pub(crate) fn command_names(&self, what: &str) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid));
        let line = line.unwrap_or_else(|_| ps(self.pid, "command=").unwrap_or_default().into_bytes());
        String::from_utf8_lossy(&line).contains(what)
    }

    /// The process that has `file` as its standard input. Linux only; elsewhere it is never found.
    pub(crate) fn reading(file: &File) -> Option<Self> {
        let wanted = identity(&file.metadata().ok()?);
        let pids =
            fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let reads = |pid: &u32| {
            fs::metadata(format!("/proc/{pid}/fd/0")).is_ok_and(|found| identity(&found) == wanted)
        };
        pids.filter(reads).find_map(Self::with_pid)
    }
}

/// Sends `signal`; a process that is gone, or not ours, does not hear it.
pub(crate) fn send(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Asks the process to end, even one that is stopped: it would hear nothing until it goes on.
pub(crate) fn terminate(pid: u32) {
    send(pid, Signal::TERM);
    send(pid, Signal::CONT);
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

fn state_and_start(pid: u32) -> Option<(String, String)> {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        let line = ps(pid, "state=,lstart=")?;
        return line.split_once(' ').map(|(state, start)| (state.to_owned(), start.trim().to_owned()));
    };
    // The second field is a name in brackets, which may hold blanks and brackets: count from its end.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.to_owned();
    Some((state, fields.nth(18)?.to_owned()))
}

/// For systems without `/proc`.
fn ps(pid: u32, format: &str) -> Option<String> {
    let output = Command::new("ps").args(["-o", format, "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// Waits until every thread of the process stands still, or is gone; where there is no `/proc`, not at all.
pub(crate) fn await_stopped(pid: u32) {
    let moves = |task: &Path| {
        let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['T', 't', 'Z', 'X']))
    };
    let any_moves = || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks.map(|task| task.path()).any(|task| moves(&task))
    };
    let deadline = Instant::now() + Duration::from_secs(2);
    while any_moves() && Instant::now() < deadline {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn this_process_is_alive_and_itself() {
        let this = Process::with_pid(std::process::id()).unwrap();
        assert!(this.is_alive());
        assert!(!Process { started: "0".to_owned(), ..this }.is_alive());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        while Process::with_pid(child.id()).is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }
}
