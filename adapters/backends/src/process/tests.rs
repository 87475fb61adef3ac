use std::path::Path;
use std::time::Duration;

use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::testing::{Collected, World};
use headcount_reader::{Sink, read};

use super::*;
use crate::golden::{counted, found, labels, start};

const MINUTE: Duration = Duration::from_secs(60);
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn process(world: &World, pid: Pid, program: &str, arguments: &str) {
    let file = |name: &str, text: &str| world.files.write(format!("/proc/{pid}/{name}"), text);
    file("cmdline", arguments);
    file("status", "Name:\tapp\nUid:\t33\t33\t33\t33\n");
    file("cgroup", &format!("1:cpu:/\n0::/system.slice/docker-{ID}.scope\n"));
    world.files.link(format!("/proc/{pid}/exe"), program);
    world.files.link(format!("/proc/{pid}/cwd"), "/srv");
}

/// A machine with a web server, a kernel thread, and what is no process.
fn world() -> World {
    let world = World::new();
    world.files.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:\n",
    );
    process(&world, 20, "/usr/sbin/nginx (deleted)", "nginx:\0-g\0daemon off;\0");
    world.files.write("/proc/2/cmdline", "");
    world
        .files
        .write("/proc/2/status", "Name:\tkthreadd\nUid:\t0\t0\t0\t0\n");
    world.files.write("/proc/2/cgroup", "0::/\n");
    world.files.link("/proc/2/cwd", "/");
    world.files.write("/proc/self/stat", "");
    world
}

#[test]
fn labels_are_those_of_alloy() {
    let mut machine = world();
    start::<ProcessSd>(&mut machine, "{}");
    let nginx = [
        ("__container_id__", ID),
        ("__meta_process_commandline", "nginx: -g daemon off;"),
        ("__meta_process_cwd", "/srv"),
        ("__meta_process_exe", "/usr/sbin/nginx"),
        ("__process_pid__", "20"),
    ];
    assert_eq!(found(&mut machine).into_iter().collect::<Vec<_>>(), [labels(&nginx)]);
    // All the others; a kernel thread has no program, but it is there.
    let mut machine = world();
    let others = "{discover_config: {exe: false, cwd: false, commandline: false, container_id: false, username: true, uid: true, cgroup_path: true}}";
    start::<ProcessSd>(&mut machine, others);
    let kernel = [
        ("__meta_process_cgroup_path", "0::/"),
        ("__meta_process_uid", "0"),
        ("__meta_process_username", "root"),
        ("__process_pid__", "2"),
    ];
    let group = format!("1:cpu:/|0::/system.slice/docker-{ID}.scope");
    let nginx = [
        ("__meta_process_cgroup_path", group.as_str()),
        ("__meta_process_uid", "33"),
        ("__meta_process_username", "www-data"),
        ("__process_pid__", "20"),
    ];
    let found: Vec<_> = found(&mut machine).into_iter().collect();
    assert_eq!(found, [labels(&kernel), labels(&nginx)]);
}

#[test]
fn what_may_not_be_read_costs_its_label_and_is_counted() {
    let mut world = world();
    for name in ["exe", "cwd", "cgroup"] {
        world.files.remove(format!("/proc/20/{name}"));
        world
            .files
            .make_unreadable(format!("/proc/20/{name}"), "permission denied");
    }
    start::<ProcessSd>(&mut world, "{}");
    let expected = [
        ("__meta_process_commandline", "nginx: -g daemon off;"),
        ("__process_pid__", "20"),
    ];
    assert_eq!(found(&mut world).into_iter().collect::<Vec<_>>(), [labels(&expected)]);
    assert_eq!(counted(&world, UNREADABLE), 3.0);
}

#[test]
fn processes_come_and_go_each_in_its_group() {
    let mut world = world();
    start::<ProcessSd>(&mut world, "{}");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["process/20"]);
    process(&world, 30, "/bin/sh", "sh\0");
    world.files.remove("/proc/20/exe");
    collected.receive(&world.run_for(MINUTE + Duration::from_secs(10)));
    assert_eq!(collected.sources(), ["process/30"]);
}

#[test]
fn that_they_cannot_be_listed_is_a_failure_and_all_stay() {
    let mut world = World::new();
    start::<ProcessSd>(&mut world, "{}");
    let received = world.settle();
    let said = received[0].failure().expect("a failure");
    assert!(said.starts_with("listing processes: /proc: "), "{said}");
    process(&world, 20, "/bin/sh", "sh\0");
    let mut collected = Collected::default();
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected.sources(), ["process/20"]);
    let before = collected.clone();
    world.files.remove_folder("/proc/20");
    world.files.remove_folder("/proc");
    collected.receive(&world.run_for(MINUTE * 2));
    assert_eq!(collected, before);
}

#[test]
fn a_job_that_does_not_relabel_is_refused() {
    let sink = Sink::new(Path::new("p.yml").into());
    let document = read("{}", &sink).expect("YAML");
    let mut fields = document.root(&sink).and_then(|root| root.fields()).expect("a mapping");
    ProcessSd::read(&mut fields, &Place::new(Path::new("/etc")).relabelled(false));
    let problems = sink.finish().problems;
    let said = "a process has no address, and without one it is no target; add a rule to relabel_configs that sets __address__";
    assert!(
        problems.len() == 1 && problems[0].to_string().ends_with(said),
        "{problems:?}"
    );
}
