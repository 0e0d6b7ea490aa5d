//! What the processors did: Linux only.

use crate::measure::processor;
use crate::shop::Shop;

/// Processor time, in seconds, and the commands that it was spent on.
#[derive(Default)]
pub(crate) struct Spent {
    program: f64,
    broker: f64,
    load: f64,
    commands: f64,
}

impl Spent {
    pub(crate) fn so_far(shop: &Shop) -> Self {
        let program = shop.program.id().unwrap();
        let broker = child_of(program);
        let load = std::process::id();
        Self { program: processor(program), broker: processor(broker), load: processor(load), commands: 0.0 }
    }

    pub(crate) fn add(&mut self, before: &Self, after: &Self, commands: f64) {
        self.program += after.program - before.program;
        self.broker += after.broker - before.broker;
        self.load += after.load - before.load;
        self.commands += commands;
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each = |seconds: f64| seconds * 1e6 / self.commands;
        let (program, broker, load) = (each(self.program), each(self.broker), each(self.load));
        write!(f, "program {program:.0}, nats-server {broker:.0}, load {load:.0}")
    }
}

/// The fields of a process's status line behind its name (`proc_pid_stat(5)`).
pub(crate) fn stat(pid: u32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = line.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    fields.split(' ').map(str::to_owned).collect()
}

pub(crate) fn child_of(parent: u32) -> u32 {
    let pids = std::fs::read_dir("/proc").unwrap();
    let mut pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| stat(*pid).get(1).is_some_and(|of| *of == parent.to_string())).unwrap()
}
