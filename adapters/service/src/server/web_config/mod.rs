//! `--web.config.file`: TLS, client certificates, users, headers and a limit, as Prometheus's web-config.yml says them.
//!
//! * `settings`: the file, read and checked. `tls`: what a handshake needs of it. `users`: who has which password.
//! * `limiter`: how many requests are taken. `watched`: the file and all that it names, read again when they change.
//!
//! The one rule: **a file that is wrong never opens what was closed.** At the start it is an error; later, what was read
//! before goes on.

mod limiter;
mod settings;
mod tls;
mod users;
mod watched;

use std::path::Path;

use headcount_reader::LoadErrors;

pub(super) use settings::WebConfig;
use users::credentials;
pub(crate) use watched::WatchedConfig;

/// What is wrong with a web-config.yml: all that would keep a service from starting with it. Reads the files that it
/// names.
///
/// # Errors
/// Each with its place.
pub fn check_web_config(path: &Path) -> Result<(), LoadErrors> {
    settings::load(path).config.map(drop)
}

#[cfg(test)]
mod tests;
