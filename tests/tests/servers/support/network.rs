//! A network of a test's own: nothing but a loopback, on which every port is free, and a resolv.conf.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::folder::Folder;
use super::process::Process;
use super::required;

/// Says to the test's own process that it is inside.
const INSIDE: &str = "HEADCOUNT_TEST_RESOLV_CONF";

/// Ends the test, saying so, where no network of its own can be made; else has a process of the test's own do it
/// inside of one, and goes on there only.
///
/// `$conf` is what stands in `/etc/resolv.conf` there. The path of the file itself, to change it, is the value.
macro_rules! in_own_network {
    ($conf:expr) => {
        match $crate::support::network::enter($conf) {
            Some(path) => path,
            None => return,
        }
    };
}

/// The path of resolv.conf when this is inside; otherwise the test was run inside, or can't be.
///
/// # Panics
/// The test failed inside, or can't be run and `HEADCOUNT_REQUIRE_SERVERS` is 1.
pub(crate) fn enter(resolv_conf: &str) -> Option<std::path::PathBuf> {
    if let Some(path) = env::var_os(INSIDE) {
        return Some(path.into());
    }
    if !required::are_possible(
        "a network of its own (unshare --map-root-user --net --mount)",
        can_be_made,
    ) {
        return None;
    }
    let folder = Folder::new();
    let path = folder.write("resolv.conf", resolv_conf);
    let test = thread::current().name().expect("a test has a name").to_owned();
    let inside = "ip link set lo up && mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let status = unshare(inside)
        .arg(&path)
        .arg(env::current_exe().expect("the test's own path"))
        .args([&test, "--exact", "--nocapture"])
        .env(INSIDE, &path)
        .status()
        .expect("running unshare");
    assert!(status.success(), "{test} failed in its network");
    None
}

fn can_be_made() -> bool {
    let status = unshare("ip link set lo up && mount --bind /etc/resolv.conf /etc/resolv.conf")
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A shell that runs a script in new namespaces.
fn unshare(script: &str) -> Command {
    let mut command = Process::command(Path::new("unshare"));
    command.args(["--map-root-user", "--net", "--mount", "--", "sh", "-c", script]);
    command
}
