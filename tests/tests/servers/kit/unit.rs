//! `kit/systemd`: a unit that systemd takes, that leaves little to who breaks in, and with which headcount does its work.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::*;
use crate::support::{Process, headcount_binary, required};

const UNIT: &str = "systemd/headcount.service";
/// Where the unit has the binary.
const INSTALLED: &str = "/usr/bin/headcount";
/// The most that `systemd-analyze security` may find, in tenths: from 0 (nothing) to 100 (everything).
const EXPOSURE: &str = "--threshold=20";

/// The unit, with the binary where it is in the tests.
fn unit(folder: &Folder) -> PathBuf {
    let binary = headcount_binary().to_str().expect("a path in UTF-8");
    folder.write("headcount.service", text(UNIT).replace(INSTALLED, binary))
}

/// All values of a setting.
fn settings(name: &str) -> Vec<String> {
    let text = text(UNIT);
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let values = lines
        .filter(|(setting, _)| *setting == name)
        .map(|(_, value)| value.to_owned());
    values.collect()
}

/// What a command of the unit does, with the configuration that is there instead of the one in `/etc`.
fn arguments(command: &str, config: &str) -> Vec<String> {
    let arguments = command.strip_prefix(INSTALLED).expect("the binary").split_whitespace();
    let arguments = arguments.filter(|argument| *argument != "$HEADCOUNT_OPTIONS");
    arguments
        .map(|argument| argument.replace("${HEADCOUNT_CONFIG}", config))
        .collect()
}

fn is_filled(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| entries.count() > 0)
}

#[test]
fn systemd_takes_the_unit_and_finds_little_that_it_may_do() {
    require!("systemd-analyze");
    let folder = Folder::new();
    let unit = unit(&folder);
    for arguments in [
        &["verify", "--man=no"][..],
        &["security", "--no-pager", "--offline=true", EXPOSURE],
    ] {
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&unit)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        // What it does not know it names, and goes on.
        assert!(arguments[0] != "verify" || said.is_empty(), "{said}");
    }
}

#[test]
fn a_service_manager_hears_when_it_listens_and_when_it_ends() {
    let folder = Folder::new();
    let config = folder.write(
        "prometheus.yml",
        "scrape_configs: [{job_name: node, static_configs: [{targets: ['a:1']}]}]",
    );
    let manager = UnixDatagram::bind(folder.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("a message in time");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    assert_eq!(settings("Type"), ["notify"]);
    // As systemd starts it, but on a port of the test's own.
    let started = arguments(&settings("ExecStart")[0], config.to_str().unwrap());
    assert_eq!(started[0], "run");
    let mut command = Process::command(headcount_binary());
    command.args(&started).args(["--listen", "127.0.0.1:0"]).env_clear();
    command
        .env("NOTIFY_SOCKET", folder.path("notify"))
        .env("STATE_DIRECTORY", folder.path("state"));
    let mut process = Process::start("headcount", &mut command, folder.path("headcount.log"));
    assert_eq!(heard(), "READY=1");
    until("its state is where the unit has it", || {
        match is_filled(&folder.path("state")) {
            true => Ok(()),
            false => Err("nothing is there".to_owned()),
        }
    });
    process.signal(rustix::process::Signal::TERM);
    assert_eq!(heard(), "STOPPING=1");
    assert!(process.wait_for_end().success());
}

#[test]
fn a_reload_of_the_unit_fails_where_the_configuration_is_wrong() {
    let folder = Folder::new();
    let config = folder.write("prometheus.yml", "scrape_configs: [{job_name: node}]");
    let reload = settings("ExecReload");
    assert_eq!(reload[1], "/bin/kill -HUP $MAINPID");
    let check = || {
        let checked = Command::new(headcount_binary())
            .args(arguments(&reload[0], config.to_str().unwrap()))
            .output();
        checked.expect("running headcount").status.success()
    };
    assert!(check());
    folder.write("prometheus.yml", "scrape_configs: [{jobname: node}]");
    assert!(!check());
}

/// What it asks of the system is allowed by the unit's filter: with `EPERM` it would fail somewhere, sometime.
#[test]
fn the_units_filter_of_system_calls_has_all_that_it_asks_for() {
    require!("strace", "setpriv", "systemd-analyze");
    if !required::are_possible("tracing a process (strace)", || {
        Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "true"])
            .status()
            .is_ok_and(|status| status.success())
    }) {
        return;
    }
    let folder = Folder::new();
    // In a folder of its own: the one in which there are targets is watched, and the trace grows.
    folder.write("targets/a.json", r#"[{"targets": ["c:1"]}]"#);
    let config = folder.write(
        "prometheus.yml",
        "scrape_configs:\n- {job_name: files, file_sd_configs: [{files: ['targets/a.json']}]}\n\
         - {job_name: web, http_sd_configs: [{url: 'http://127.0.0.1:1/'}]}\n\
         - {job_name: names, dns_sd_configs: [{names: [localhost], type: A, port: 1}]}\n",
    );
    let mut command = Process::command(Path::new("strace"));
    // It would outlive a tracer that is killed.
    let outlives_nobody = ["setpriv", "--pdeathsig", "KILL", "--"];
    command
        .args(["-f", "-qq", "-I", "2", "-o", &folder.text("trace")])
        .args(outlives_nobody)
        .arg(headcount_binary());
    command.args(arguments(&settings("ExecStart")[0], config.to_str().unwrap()));
    command
        .args(["--listen", "127.0.0.1:0"])
        .env("STATE_DIRECTORY", folder.path("state"));
    let mut strace = Process::start("strace", &mut command, folder.path("strace.log"));
    let trace = || String::from_utf8_lossy(&fs::read(folder.path("trace")).unwrap_or_default()).into_owned();
    strace.wait_until("has saved what it found", |_| {
        match is_filled(&folder.path("state")) && trace().contains("rename") {
            true => Ok(()),
            false => Err("not saved".to_owned()),
        }
    });
    strace.signal(rustix::process::Signal::TERM);
    strace.wait_for_end();

    let filters = settings("SystemCallFilter");
    let [allowed, denied] = &filters[..] else {
        panic!("{filters:?}")
    };
    let named = |groups: &str| -> BTreeSet<String> { groups.split(' ').flat_map(calls).collect() };
    let (mut allowed, denied) = (named(allowed), named(denied.strip_prefix('~').expect("what is denied")));
    allowed.retain(|call| !denied.contains(call));
    // Those systemd always allows.
    allowed.extend(calls("@default"));
    let used: BTreeSet<_> = trace()
        .lines()
        // Before it is `setpriv`, in which it begins.
        .skip_while(|line| !(line.contains("execve(\"") && line.contains("/headcount\", [")))
        .filter_map(|line| line.split_whitespace().nth(1)?.split_once('('))
        .map(|(call, _)| call.to_owned())
        .collect();
    assert!(used.contains("bind") && used.contains("openat"), "{used:?}");
    let refused: Vec<_> = used.difference(&allowed).collect();
    assert!(refused.is_empty(), "the filter refuses {refused:?}");
}

/// The system calls of a group.
fn calls(group: &str) -> Vec<String> {
    let output = Command::new("systemd-analyze")
        .args(["syscall-filter", group])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let names = said
        .lines()
        .skip(1)
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all = names.flat_map(|name| {
        if name.starts_with('@') {
            calls(name)
        } else {
            vec![name.to_owned()]
        }
    });
    all.collect()
}
