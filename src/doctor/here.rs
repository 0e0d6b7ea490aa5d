//! This machine: the settings in the environment, the data folder, and the `serve` that runs on it.

use std::env;
use std::path::Path;

use rustix::fs::statvfs;

use super::finding::Finding;
use super::health::{self, Seen};
use crate::settings::{self, Call, Places};

/// With less than this the broker stops acknowledging soon: something must be done now, or before long.
const TOO_LITTLE: u64 = 256 << 20;
const LITTLE: u64 = 2 << 30;

/// The settings in the environment: each must be one, and `serve` must be able to run with them.
pub(super) fn settings() -> Finding {
    const CHECK: &str = "settings";
    let all = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut named: Vec<String> = all.filter(|name| name.starts_with("JETSOURCE_")).collect();
    named.sort();
    let known = settings::variables();
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(*name)).cloned().collect();
    if !unknown.is_empty() {
        let seen = format!("no setting, so without effect: {}", unknown.join(", "));
        return Finding::warning(
            CHECK,
            seen,
            "correct the name, as `jetsource serve --help` has it, or unset it",
        );
    }
    let checked =
        settings::parse(["jetsource".into(), "serve".into()]).and_then(|cli| match cli.map(|cli| cli.call) {
            Some(Call::Serve(serve)) => serve.check().and_then(|()| serve.addresses().map(drop)),
            _ => Ok(()),
        });
    match checked {
        Err(failure) => Finding::problem(CHECK, "`serve` refuses those in this environment", failure.line()),
        Ok(()) if named.is_empty() => Finding::ok(
            CHECK,
            "none in this environment; flags of a running `serve` cannot be seen from here",
        ),
        Ok(()) => Finding::ok(CHECK, format!("in this environment: {}", named.join(", "))),
    }
}

/// The room on the disk of the data folder, where the read models are, and the log where the broker is its child.
pub(super) fn disk(data_dir: &Path) -> Finding {
    let folder = data_dir.display();
    let disk = match statvfs(data_dir) {
        Ok(disk) => disk,
        Err(error) => return Finding::unknown("disk", format!("the folder {folder}: {error}")),
    };
    let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    room(free, format!("{} free of {} for {folder}", in_words(free), in_words(all)))
}

/// What so many free bytes are to a data folder.
fn room(free: u64, seen: String) -> Finding {
    const CHECK: &str = "disk";
    let advice = "make room, or move the data folder to a larger disk: on a full one no command is accepted";
    match free {
        ..TOO_LITTLE => Finding::problem(CHECK, seen, advice),
        TOO_LITTLE..LITTLE => Finding::warning(CHECK, seen, advice),
        LITTLE.. => Finding::ok(CHECK, seen),
    }
}

/// Whether the `serve` that is looked after can serve, by its own word.
pub(super) async fn serve(places: &Places) -> Finding {
    const CHECK: &str = "serve";
    match health::look(places).await {
        Seen::Ready { at, notes } if notes.is_empty() => Finding::ok(CHECK, format!("ready at {at}")),
        Seen::Ready { at, notes } => Finding::warning(
            CHECK,
            format!("ready at {at}; it notes: {}", notes.join("; ")),
            "look at what it notes",
        ),
        Seen::NotReady { at, reasons } => {
            let seen = format!("not ready at {at}: {}", reasons.join("; "));
            Finding::problem(CHECK, seen, "see to these reasons, and look at its log")
        }
        Seen::Runs { pid } => Finding::ok(
            CHECK,
            format!("process {pid} runs; it has no API that would tell whether it is ready"),
        ),
        Seen::Gone { why } => Finding::problem(CHECK, why, "start `jetsource serve`, and look at its log"),
        Seen::Nobody { why } => Finding::unknown(CHECK, why),
    }
}

/// Bytes for people.
pub(super) fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.max(1).ilog2() / 10).min(4);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let number = bytes as f64 / (1_u64 << (10 * unit)) as f64;
    let digits = usize::from(unit > 0);
    format!("{number:.digits$} {}", UNITS[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn bytes_are_told_in_their_unit() {
        let told = [0, 1023, 1536, 5 << 30, u64::MAX].map(in_words);
        assert_eq!(told, ["0 B", "1023 B", "1.5 KiB", "5.0 GiB", "16777216.0 TiB"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_claimed_to_have_room() {
        let finding = disk(Path::new("/nonexistent/folder"));
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
    }

    #[test]
    fn a_disk_without_room_is_a_problem_before_it_is_full() {
        let verdicts = [0, TOO_LITTLE - 1, TOO_LITTLE, LITTLE - 1, LITTLE, u64::MAX]
            .map(|free| room(free, String::new()).verdict);
        let [problem, warning, ok] = [Verdict::Problem, Verdict::Warning, Verdict::Ok];
        assert_eq!(verdicts, [problem, problem, warning, warning, ok, ok]);
    }
}
