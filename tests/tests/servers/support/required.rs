//! Programs that a test needs and that may not be installed.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

/// Ends the test, saying so, unless all of these programs are installed.
macro_rules! require {
    ($($program:literal),+ $(,)?) => {
        if !$crate::support::required::all_are_installed(&[$($program),+]) {
            return;
        }
    };
}

/// Whether all are installed. If not, says what is missing and which test is skipped for it.
///
/// # Panics
/// Something is missing and `HEADCOUNT_REQUIRE_SERVERS` is 1.
pub(crate) fn all_are_installed(programs: &[&str]) -> bool {
    let is_required = env::var_os("HEADCOUNT_REQUIRE_SERVERS").is_some_and(|value| value == "1");
    match explain_missing(programs) {
        None => true,
        Some(message) if is_required => panic!("{message}, and HEADCOUNT_REQUIRE_SERVERS=1 asks for it"),
        Some(message) => {
            // Not with `eprintln!`, which the test runner keeps to itself when a test passes.
            writeln!(io::stderr(), "{message}").ok();
            false
        }
    }
}

/// Whether a program is there that nobody can demand, because no package has it for certain. If not, says which test is
/// skipped for it.
#[allow(
    dead_code,
    reason = "the tests of relabelling share this file, and need no such program"
)]
pub(crate) fn is_installed_by_chance(program: &str) -> bool {
    let message = explain_missing(&[program]);
    if let Some(message) = &message {
        writeln!(io::stderr(), "{message}, where it can be had").ok();
    }
    message.is_none()
}

/// A file that a test needs, which is there where it could be had. If not, says which test is skipped for it.
#[allow(
    dead_code,
    reason = "the tests of relabelling share this file, and need no such file"
)]
pub(crate) fn file_by_chance(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        writeln!(
            io::stderr(),
            "NOT TESTED: {test}: {path} is not there; tests/setup installs it where there is an npm"
        )
        .ok();
    }
    text
}

/// Whether this is the long mode, in which servers run that take long to be installed or to start. If not, says which test is
/// skipped for it.
#[allow(
    dead_code,
    reason = "the tests of relabelling share this file, and need no such server"
)]
pub(crate) fn is_long(what: &str) -> bool {
    let is_long = env::var_os("HEADCOUNT_LONG").is_some();
    if !is_long {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        writeln!(io::stderr(), "NOT TESTED: {test}: {what} runs with HEADCOUNT_LONG only").ok();
    }
    is_long
}

/// Whether something that is no program is possible on this machine. If not, says which test is skipped for it.
///
/// # Panics
/// It is not, and `HEADCOUNT_REQUIRE_SERVERS` is 1.
#[allow(
    dead_code,
    reason = "the tests of relabelling share this file, and need no network of their own"
)]
pub(crate) fn are_possible(what: &str, is_possible: impl FnOnce() -> bool) -> bool {
    if is_possible() {
        return true;
    }
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let message = format!("NOT TESTED: {test}: this machine does not allow {what}");
    let is_required = env::var_os("HEADCOUNT_REQUIRE_SERVERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{message}, and HEADCOUNT_REQUIRE_SERVERS=1 asks for it");
    writeln!(io::stderr(), "{message}").ok();
    false
}

/// What is not tested, and why; `None` when all are installed.
fn explain_missing(programs: &[&str]) -> Option<String> {
    let missing: Vec<_> = programs
        .iter()
        .copied()
        .filter(|program| find(program).is_none())
        .collect();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let names = missing.join(", ");
    (!missing.is_empty()).then(|| format!("NOT TESTED: {test}: not installed: {names}; tests/setup installs it"))
}

/// Where a program is. Servers are also looked for where a user's `PATH` does not lead.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[test]
fn a_test_whose_server_is_missing_is_named_with_the_server() {
    let message = explain_missing(&["sh", "no-such-server", "no-such-proxy"]).unwrap();
    let test = "support::required::a_test_whose_server_is_missing_is_named_with_the_server";
    assert!(
        message.contains(test) && message.contains("no-such-server, no-such-proxy;"),
        "{message}"
    );
    assert_eq!(explain_missing(&["sh"]), None);
}
