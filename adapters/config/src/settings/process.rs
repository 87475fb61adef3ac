//! `web` and `state`: what a process is started with, and can't change while it runs.

use std::path::{Path, PathBuf};

use headcount_core::planted;
use headcount_reader::{Cursor, Fields, ProblemKind, join};

/// `web`: where lists, API and page are served. What is absent is not said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebSettings {
    /// `listen`: `host:port`, or `:port` of every interface.
    pub listen: Option<String>,
    /// `allowed_hosts`: the names by which clients may know the server, besides those that it knows itself; in lower case,
    /// `*.` before one for all names below it. They count as soon as they are read.
    pub allowed_hosts: Vec<String>,
}

/// `state`: what is kept over a restart. What is absent is not said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateSettings {
    /// `dir`: the folder below which each configuration has one; absolute.
    pub dir: Option<PathBuf>,
    /// `enabled`: whether anything is kept.
    pub enabled: Option<bool>,
}

impl WebSettings {
    pub(super) fn read(fields: Option<Fields<'_>>) -> Self {
        let Some(mut fields) = fields else {
            return Self::default();
        };
        let settings = Self {
            listen: fields.take_some("listen").and_then(|at| listen(&at)),
            allowed_hosts: fields
                .take_some("allowed_hosts")
                .map(|at| hosts(&at))
                .unwrap_or_default(),
        };
        fields.finish();
        settings
    }
}

impl StateSettings {
    pub(super) fn read(fields: Option<Fields<'_>>, folder: &Path) -> Self {
        let Some(mut fields) = fields else {
            return Self::default();
        };
        let dir_at = fields.take_some("dir");
        let dir = dir_at.as_ref().and_then(|at| at.text());
        let enabled = fields.some_flag("enabled");
        match (&dir_at, &dir) {
            (Some(at), Some(dir)) if dir.is_empty() => at.report(ProblemKind::Rule("name a folder")),
            (Some(at), Some(_)) if enabled == Some(false) => {
                at.report(ProblemKind::Rule(
                    "names a folder, and `enabled: false` says that nothing is kept",
                ));
            }
            _ => {}
        }
        fields.finish();
        Self {
            dir: dir.map(|dir| planted!(join(folder, &dir), StateDirIsTheWorkingFolders, PathBuf::from(dir))),
            enabled,
        }
    }
}

fn listen(at: &Cursor<'_>) -> Option<String> {
    let text = at.text()?;
    if is_address(&text) {
        return Some(text);
    }
    at.report(ProblemKind::ListenAddress { text });
    None
}

fn hosts(at: &Cursor<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    for (index, (text, position)) in at.texts().unwrap_or_default().into_iter().enumerate() {
        if is_host_pattern(&text) {
            hosts.push(planted!(text.to_ascii_lowercase(), HostsAreCaseSensitive, text));
        } else {
            at.report_at(position, &format!("[{index}]"), ProblemKind::AllowedHost { text });
        }
    }
    hosts
}

/// Whether it is a name without scheme, port and path; `*.` may stand before it.
fn is_host_pattern(text: &str) -> bool {
    let is_part = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    text.strip_prefix("*.").unwrap_or(text).split('.').all(is_part)
}

/// Whether it is `host:port`, `[v6]:port` or `:port`.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    is_port && is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        for good in ["a", "sd.example.org", "*.example.org", "node-1_x", "10.0.0.1"] {
            assert!(is_host_pattern(good), "{good}");
        }
        for wrong in [
            "", "*", "*.", "a.", ".a", "a:80", "http://a", "a/b", "a b", "*a", "a.*.b", "ä",
        ] {
            assert!(!is_host_pattern(wrong), "{wrong}");
        }
    }

    #[test]
    fn addresses_to_listen_on() {
        for good in [
            "127.0.0.1:9099",
            ":0",
            "localhost:80",
            "[::1]:9099",
            "a-b.example:65535",
        ] {
            assert!(is_address(good), "{good}");
        }
        for wrong in [
            "",
            "9099",
            "localhost",
            "::1:80",
            "[::1]",
            "a:65536",
            "a:+1",
            "a:",
            "http://a:80",
            "a b:1",
            "[a]:1",
        ] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }
}
