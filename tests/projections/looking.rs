//! What operators see, and what they do.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Program, call, poll, stderr, stdout};
use crate::{
    LONG, UnderWay, caught_up, equal, filled, import, import_file, open, receipts, status, told, verified,
    views,
};

#[test]
fn a_read_model_is_shown_verified_and_built_anew() {
    let mut program = Program::start();
    import(&program, &receipts(50));
    let shown = status(&program, "stock");
    assert_eq!(
        (&shown["position"], &shown["generation"], &shown["failures"]),
        (&json!(50), &json!(1), &json!(0))
    );
    assert_eq!(
        (&shown["running"], &shown["behind"], &shown["rebuild"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    equal(&program);

    open(&views(&program)).execute("UPDATE stock SET row = '{}' WHERE key = 'article-7'", []).unwrap();
    let (code, found) = verified(&program, "stock");
    assert_eq!(
        (code, &found["different"], &found["first"][0]["key"]),
        (Some(6), &json!(1), &json!("article-7"))
    );
    assert!(
        found["first"][0]["should_be"]["row"].as_str().unwrap().contains("\"sku\":\"article-7\""),
        "{found}"
    );
    assert_eq!(found["first"][0]["is"]["row"], "{}");
    let text = program.call(&["projections", "verify", "stock"]);
    assert!(stdout(&text).contains("article-7") && stderr(&text).contains("projections rebuild stock"));

    let rebuilt = told(&program.call(&["projections", "rebuild", "stock", "--json"]));
    assert_eq!((&rebuilt["generation"], &rebuilt["position"]), (&json!(2), &json!(50)), "{rebuilt}");
    equal(&program);
    let text = stdout(&program.call(&["projections", "list"]));
    let line = text.lines().find(|line| line.starts_with("stock")).unwrap();
    assert!(line.ends_with("caught up") && text.starts_with("VIEW"), "{text}");

    let unknown = program.call(&["projections", "rebuild", "people"]);
    assert_eq!(unknown.status.code(), Some(3), "{}", stderr(&unknown));
    let nothing = program.call(&["projections", "rebuild", "stock", "--stop"]);
    assert_eq!(nothing.status.code(), Some(1), "{}", stderr(&nothing));
    let none = program.call(&["projections", "failures", "show", "stock", "article-7"]);
    assert_eq!(none.status.code(), Some(3), "{}", stderr(&none));

    // Without anybody who serves, the file tells.
    program.terminate();
    let rests = status(&program, "stock");
    assert_eq!(
        (&rests["running"], &rests["generation"], &rests["position"]),
        (&json!(false), &json!(2), &json!(50))
    );
    let folder = tempfile::tempdir().unwrap();
    for asked in
        [&["status"][..], &["rebuild", "stock"], &["verify", "stock"], &["failures", "list", "stock"]]
    {
        let alone =
            call(&[&["projections"], asked, &["--data-dir", folder.path().to_str().unwrap()]].concat());
        assert_eq!(alone.status.code(), Some(5), "{}", stderr(&alone));
    }
}

#[test]
fn a_row_that_an_event_cannot_be_applied_to_waits_for_somebody() {
    let program = Program::start();
    import(&program, &receipts(3));
    // The row of the first article can't be read from here on.
    open(&views(&program)).execute("UPDATE stock SET row = '?' WHERE key = 'article-0'", []).unwrap();
    import(&program, &receipts(3));
    let listed = told(&program.call(&["projections", "failures", "list", "stock", "--json"]));
    assert_eq!((&listed["count"], &listed["first"][0]["key"]), (&json!(1), &json!("article-0")), "{listed}");
    assert_eq!(status(&program, "stock")["position"], 6);
    let shown = stdout(&program.call(&["projections", "failures", "show", "stock", "article-0"]));
    assert!(shown.contains("stock-received") && shown.contains("the row is not what"), "{shown}");
    let still = program.call(&["projections", "failures", "retry", "stock"]);
    assert_eq!(still.status.code(), Some(1), "{}", stderr(&still));
    let ready = readyz(&program, "/readyz?verbose");
    assert!(ready.contains("HTTP/1.1 200") && ready.contains("1 rows are set aside"), "{ready}");
    assert!(ready.contains("\"views\":[{\"view\":"), "{ready}");
    assert!(readyz(&program, "/metrics").contains("jetsource_view_failures{view=\"stock\"} 1"));
    assert_eq!(verified(&program, "stock").0, Some(6));

    assert!(program.call(&["projections", "rebuild", "stock"]).status.success());
    assert_eq!(status(&program, "stock")["failures"], 0);
    equal(&program);
}

#[test]
fn a_row_that_was_mended_goes_on_and_one_that_cannot_be_is_stepped_over() {
    let program = Program::start();
    import(&program, &receipts(3));
    let file = views(&program);
    let row = |key: &str| -> String {
        open(&file).query_row("SELECT row FROM stock WHERE key = ?1", [key], |row| row.get(0)).unwrap()
    };
    let write = |key: &str, row: &str| {
        open(&file).execute("UPDATE stock SET row = ?2 WHERE key = ?1", [key, row]).unwrap();
    };
    let first = row("article-0");
    write("article-0", "?");
    write("article-1", "?");
    import(&program, &receipts(3));
    poll(LONG, || (status(&program, "stock")["failures"] == 2).then_some(())).unwrap();

    write("article-0", &first);
    let retried = program.call(&["projections", "failures", "retry", "stock", "article-0"]);
    assert!(retried.status.success(), "{}", stderr(&retried));
    assert_eq!(status(&program, "stock")["failures"], 1);

    let skip = ["projections", "failures", "skip", "stock", "article-1"];
    assert_eq!(program.call(&skip).status.code(), Some(2), "a skip has a reason");
    let skipped = program.call(&[&skip[..], &["--reason", "counted by hand"]].concat());
    assert!(skipped.status.success(), "{}", stderr(&skipped));
    let said = stdout(&skipped);
    assert!(said.contains("is stepped over; the row \"article-1\" is set aside again"), "{said}");
    assert!(said.contains("build the view anew"), "{said}");
    assert_ne!(row("article-0"), first);
    let reason: String = open(&file).query_row("SELECT reason FROM skips", [], |row| row.get(0)).unwrap();
    assert_eq!(reason, "counted by hand");

    // What can be applied is: there the skip changes nothing.
    assert!(program.call(&["projections", "rebuild", "stock"]).status.success());
    equal(&program);
}

fn readyz(program: &Program, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let address = program.http().strip_prefix("http://").unwrap();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    connection.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_file_that_is_gone_is_built_from_the_log() {
    let mut program = Program::start();
    import(&program, &receipts(20));
    program.kill();
    for file in ["views.sqlite", "views.sqlite-wal", "views.sqlite-shm"] {
        let _ = fs::remove_file(program.data_dir().join(file));
    }
    program.restart();
    caught_up(&program);
    equal(&program);
}

#[test]
fn a_file_that_goes_while_it_is_written_is_missed_and_put_back_or_built_anew() {
    let mut program = Program::start();
    import(&program, &receipts(20));
    let file = program.data_dir().join("views.sqlite");
    let aside = program.data_dir().join("aside.sqlite");
    let error = |program: &Program| status(program, "stock")["error"].as_str().map(str::to_owned);
    // It ends once its commands are in the lists.
    let import_beside = |program: &Program| {
        let file = import_file(program, &receipts(20));
        UnderWay::start(program, &["import", file.to_str().unwrap()])
    };

    fs::rename(&file, &aside).unwrap();
    let mut importing = import_beside(&program);
    let line = poll(LONG, || error(&program)).unwrap();
    assert!(line.contains("views.sqlite is gone: put it back, or start the program again"), "{line}");
    fs::rename(&aside, &file).unwrap();
    assert!(importing.0.wait().unwrap().success());
    assert_eq!(error(&program), None);

    fs::remove_file(&file).unwrap();
    let importing = import_beside(&program);
    poll(LONG, || error(&program)).unwrap();
    drop(importing);
    program.terminate();
    program.restart();
    caught_up(&program);
    equal(&program);
}

#[test]
fn over_another_log_nothing_is_built_and_nothing_is_equal() {
    let mut program = Program::start();
    import(&program, &receipts(20));
    program.terminate();
    fs::remove_dir_all(program.data_dir().join("nats")).unwrap();
    program.restart();
    let asked = poll(LONG, || {
        let asked = program.call(&["projections", "rebuild", "stock"]);
        (asked.status.code() == Some(1)).then_some(asked)
    });
    let said = stderr(&asked.unwrap());
    assert!(said.contains("has stopped") && said.contains("damaged or replaced"), "{said}");
    let (code, found) = verified(&program, "stock");
    assert_eq!(code, Some(6), "{found}");
    assert!(status(&program, "stock")["error"].as_str().unwrap().contains("the log ends at position"));
}

#[test]
fn several_are_built_anew_at_once_while_commands_go_on() {
    let program = filled();
    let building: Vec<_> = ["users", "orders", "stock"]
        .map(|view| UnderWay::start(&program, &["projections", "rebuild", view]))
        .into_iter()
        .collect();
    import(&program, &receipts(200));
    for mut under_way in building {
        assert!(under_way.0.wait().unwrap().success());
    }
    for view in ["users", "orders", "stock"] {
        assert_eq!(status(&program, view)["generation"], 2);
    }
    equal(&program);
}

#[test]
fn a_verification_that_was_killed_leaves_nothing_behind_the_next() {
    let program = Program::start();
    import(&program, &receipts(5));
    let folder = program.data_dir().join("verify-4000000000");
    fs::create_dir(&folder).unwrap();
    equal(&program);
    let left = fs::read_dir(program.data_dir()).unwrap().flatten();
    let left = left.filter(|entry| entry.file_name().to_str().unwrap().starts_with("verify-"));
    assert_eq!(left.count(), 0);
}
