//! What is put aside of a command that was refused: the problem, and the command as it was sent.

use bytes::Bytes;
use event_store::Delivery;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::body::MOST;
use crate::problem::{Problem, ProblemBody};

/// The most bytes of it: less than any broker takes.
const FITS: usize = 2 * MOST;

#[derive(Serialize)]
struct Refusal<'a> {
    #[serde(flatten)]
    problem: ProblemBody<'a>,
    /// As it was sent, letter by letter, so that it is the same command when it is sent again; a string where it was no
    /// JSON, and left out where it is far too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Box<RawValue>>,
}

/// The problem as JSON, with the command in it.
pub(crate) fn body(problem: &Problem, delivery: &Delivery) -> Bytes {
    of(problem, delivery.subject(), delivery.body())
}

fn of(problem: &Problem, subject: &str, command: &[u8]) -> Bytes {
    let trace = Uuid::now_v7().to_string();
    let written = |command| {
        let refusal = Refusal { problem: problem.body(subject, &trace), command };
        serde_json::to_vec(&refusal).unwrap_or_default()
    };
    let whole = written((command.len() <= MOST).then(|| raw(command)).flatten());
    if whole.len() <= FITS { whole.into() } else { written(None).into() }
}

fn raw(command: &[u8]) -> Option<Box<RawValue>> {
    serde_json::from_slice(command).ok().or_else(|| to_raw_value(&String::from_utf8_lossy(command)).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(command: &[u8]) -> (String, Value) {
        let body = of(&Problem::malformed("it is wrong"), "commands.user.7.delete", command);
        (String::from_utf8(body.to_vec()).unwrap(), serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn it_is_a_problem_with_the_command_in_it() {
        let (_, body) = shown(b"{}");
        let problem = json!({
            "type": "/problems/malformed-request", "title": "The request cannot be read", "status": 400,
            "detail": "it is wrong", "instance": "commands.user.7.delete", "command": {},
        });
        assert_eq!(body, problem);
    }

    #[test]
    fn the_command_is_kept_letter_by_letter() {
        let sent = r#"{ "b":1.0, "a" : 100000000000000000000, "b":"é" }"#;
        let (text, _) = shown(format!(" {sent}\n").as_bytes());
        assert!(text.ends_with(&format!("\"command\":{sent}}}")), "{text}");
    }

    #[test]
    fn what_is_no_json_is_a_string_and_what_is_too_large_is_left_out() {
        assert_eq!(shown(b"{oh").1["command"], "{oh");
        assert_eq!(shown(b"").1["command"], "");
        assert_eq!(shown(b"\xff").1["command"], "\u{fffd}");
        for large in [vec![b' '; MOST + 1], vec![0; MOST]] {
            assert_eq!(shown(&large).1.get("command"), None);
        }
    }
}
