//! Which servers are asked for which paths: the fields that both mechanisms have.

use std::collections::BTreeSet;
use std::time::Duration;

use headcount_discoverer::env::Endpoint;
use headcount_reader::{Cursor, Fields, ProblemKind};

/// How long a session is to live without a word where the entry says nothing; Prometheus's.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The port of a server that says none.
const DEFAULT_PORT: u16 = 2181;

/// An ensemble, and what is looked for there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ensemble {
    pub(crate) servers: Vec<Endpoint>,
    pub(crate) paths: BTreeSet<String>,
    pub(crate) timeout: Duration,
}

impl Ensemble {
    /// Reads the fields, which are all that there are.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let servers = read_servers(fields);
        let paths = read_paths(fields);
        let timeout = fields.duration("timeout").unwrap_or(DEFAULT_TIMEOUT);
        Some(Self {
            servers: servers?,
            paths: paths?,
            timeout,
        })
    }

    /// In a few words, for people.
    pub(crate) fn describe(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        format!("{} at {}", some(&paths, "paths"), some(&servers, "servers"))
    }
}

/// All of a few, or how many more there are.
fn some<T: AsRef<str>>(all: &[T], what: &str) -> String {
    let (first, more) = all.split_at(all.len().min(3));
    let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
    match more.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more {what}", first.join(", ")),
    }
}

fn read_servers(fields: &mut Fields<'_>) -> Option<Vec<Endpoint>> {
    let (at, texts) = listed(fields, "servers", "ZooKeeper server, in servers")?;
    let mut servers = Vec::new();
    for (index, (text, position)) in texts.iter().enumerate() {
        match server(text) {
            Ok(server) => servers.push(server),
            Err(problem) => at.report_at(*position, &format!("[{index}]"), problem),
        }
    }
    Some(servers)
}

fn server(text: &str) -> Result<Endpoint, ProblemKind> {
    if text.is_empty() {
        return Err(ProblemKind::EmptyEntry);
    }
    if text.contains(['/', '@', ' ']) {
        return Err(ProblemKind::Rule(
            "a ZooKeeper server is a host, or host:port; what is before all paths belongs before each in paths",
        ));
    }
    let wrong = ProblemKind::Rule("a ZooKeeper server is a host, or host:port, with an IPv6 address in brackets");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(wrong.clone())?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(wrong);
            }
            (host, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| wrong.clone())?,
        None if port.is_empty() => DEFAULT_PORT,
        None => return Err(wrong),
    };
    match host {
        "" => Err(wrong),
        host => Ok(Endpoint::tcp(host, port)),
    }
}

fn read_paths(fields: &mut Fields<'_>) -> Option<BTreeSet<String>> {
    let (at, texts) = listed(fields, "paths", "path, in paths")?;
    for (index, (text, position)) in texts.iter().enumerate() {
        if !text.starts_with('/') {
            at.report_at(
                *position,
                &format!("[{index}]"),
                ProblemKind::Rule("a path of ZooKeeper's begins with a slash"),
            );
        }
    }
    Some(texts.into_iter().map(|(text, _)| text).collect())
}

type Texts = Vec<(String, headcount_reader::Position)>;

/// The texts of a list that has some.
fn listed<'a>(fields: &mut Fields<'a>, name: &'static str, what: &'static str) -> Option<(Cursor<'a>, Texts)> {
    let found = fields.take(name);
    let at = found.as_ref().unwrap_or(fields.at()).clone();
    let texts = match found {
        Some(found) => found.texts()?,
        None => Vec::new(),
    };
    if texts.is_empty() {
        at.report(ProblemKind::EmptyList { what });
        return None;
    }
    Some((at, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        for (text, host, port) in [
            ("zk.example", "zk.example", 2181),
            ("zk.example:2182", "zk.example", 2182),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[fd00::1]", "fd00::1", 2181),
            ("[fd00::1]:2182", "fd00::1", 2182),
        ] {
            assert_eq!(server(text), Ok(Endpoint::tcp(host, port)), "{text}");
        }
        for text in [
            "",
            ":2181",
            "zk:",
            "zk:http",
            "zk:2181:1",
            "fd00::1",
            "[zk]:1",
            "[fd00::1]1",
            "zk/a",
            "zk:1/a",
            "u@zk",
        ] {
            assert!(server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_few_are_named_and_of_many_it_is_said_how_many() {
        assert_eq!(some(&["a"], "paths"), "a");
        assert_eq!(some(&["a", "b", "c"], "paths"), "a, b, c");
        assert_eq!(some(&["a", "b", "c", "d", "e"], "paths"), "a, b, c and 2 more paths");
    }
}
