//! The text that the server is configured with: `deploy/nats.conf`, with the folder and the ports of this run.

use std::fmt::Write;

/// The configuration that Jetsource ships, `deploy/nats.conf`.
pub const CONFIG: &str = include_str!("../../../deploy/nats.conf");

/// `text` with its `listen`, `http` and `store_dir` lines set, and its ports file in `ports`; port 0 takes
/// a free one.
pub(crate) fn for_run(text: &str, port: u16, store: &str, ports: &str) -> String {
    let port = if port == 0 { "-1".to_owned() } else { port.to_string() };
    let limited = text.lines().any(|line| key(line) == "max_file_store");
    let mut config = format!("ports_file_dir: {}\n", quoted(ports));
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        // Writing to a String cannot fail.
        let _ = match key(line) {
            "listen" => writeln!(config, "{indent}listen: \"127.0.0.1:{port}\""),
            "http" => writeln!(config, "{indent}http: \"127.0.0.1:-1\""),
            // Else three quarters of the disk at its start are its limit, and its health says nothing when it is
            // reached.
            "store_dir" if !limited => {
                writeln!(config, "{indent}store_dir: {}\n{indent}max_file_store: 1PB", quoted(store))
            }
            "store_dir" => writeln!(config, "{indent}store_dir: {}", quoted(store)),
            _ => writeln!(config, "{line}"),
        };
    }
    config
}

/// The value of `sync_interval` in `text`, or the server's own default.
pub(crate) fn sync_mode(text: &str) -> String {
    let line = text.lines().find(|line| key(line) == "sync_interval");
    line.and_then(|line| line.split_once(':')).map_or("2m", |(_, value)| value.trim()).to_owned()
}

/// `text` for one server of a cluster, which the others reach at its port on loopback.
pub(crate) fn for_node(text: &str, name: &str, port: u16, all: &[u16]) -> String {
    let routes: Vec<String> = all.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
    let routes = routes.join(", ");
    let cluster = format!("cluster {{ name: jetsource, host: 127.0.0.1, port: {port}, routes: [{routes}] }}");
    format!("{text}\nserver_name: {name}\n{cluster}\n")
}

/// Whether `text` makes a server one of several.
pub(crate) fn is_clustered(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("cluster"))
}

fn key(line: &str) -> &str {
    line.split_once(':').map_or("", |(key, _)| key.trim())
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::{CONFIG, for_node, for_run, is_clustered, key, sync_mode};

    #[test]
    fn the_shipped_text_has_each_line_that_a_run_sets_once() {
        for wanted in ["listen", "http", "store_dir", "sync_interval"] {
            assert_eq!(CONFIG.lines().filter(|line| key(line) == wanted).count(), 1, "{wanted}");
        }
    }

    #[test]
    fn a_run_has_its_own_folder_and_ports() {
        let config = for_run(CONFIG, 0, "/a \"b\"", "/p");
        assert!(config.contains("\nlisten: \"127.0.0.1:-1\"\n"));
        assert!(config.contains("\n  store_dir: \"/a \\\"b\\\"\"\n"));
        assert!(config.starts_with("ports_file_dir: \"/p\"\n"));
        assert!(config.contains("\n  max_file_store: 1PB\n"));
        let limited = for_run("store_dir: \"x\"\nmax_file_store: 1GB", 0, "/a", "/p");
        assert_eq!(limited.matches("max_file_store").count(), 1);
        assert!(for_run(CONFIG, 4333, "/a", "/p").contains("127.0.0.1:4333"));
    }

    #[test]
    fn a_node_is_as_durable_as_a_server_alone_and_keeps_the_port_of_its_cluster() {
        let node = for_node(CONFIG, "n2", 7002, &[7001, 7002]);
        assert_eq!(sync_mode(&node), "always");
        assert!(is_clustered(&node) && !is_clustered(CONFIG));
        let run = for_run(&node, 4333, "/a", "/p");
        assert!(run.contains("port: 7002, routes: [\"nats://127.0.0.1:7001\", \"nats://127.0.0.1:7002\"]"));
        assert_eq!(run.matches("4333").count(), 1);
    }

    #[test]
    fn what_is_shipped_syncs_always() {
        assert_eq!(sync_mode(CONFIG), "always");
        assert_eq!(sync_mode("jetstream {\n}"), "2m");
    }
}
