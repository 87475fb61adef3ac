use std::time::Duration;

use headcount_discoverer::mechanism::Mechanism;
use headcount_discoverer::testing::{Collected, World};

use super::*;

const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

fn table(sockets: &[(&str, u64)]) -> String {
    let line = |(address, inode): &(&str, u64)| {
        format!(
            "   0: {address} 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 {inode} 1 0 100 0 0 10 0\n"
        )
    };
    HEAD.to_owned() + &sockets.iter().map(line).collect::<String>()
}

fn world(tcp: &[(&str, u64)]) -> World {
    let mut world = World::new();
    world.files.write("/proc/self/net/tcp", table(tcp));
    world.start(Arc::new(LocalSd::new(Duration::from_secs(30))).discoverer());
    world
}

fn process(world: &World, pid: u32, name: &str, descriptors: &[&str]) {
    world.files.write(format!("/proc/{pid}/comm"), format!("{name}\n"));
    world
        .files
        .link(format!("/proc/{pid}/exe"), format!("/usr/sbin/{name}"));
    for (number, target) in descriptors.iter().enumerate() {
        world.files.link(format!("/proc/{pid}/fd/{number}"), target);
    }
}

#[test]
fn each_process_that_listens_is_a_group() {
    let mut world = world(&[
        ("00000000:0050", 1),
        ("00000000:01BB", 2),
        ("00000000:0016", 3),
        ("00000000:270F", 9),
    ]);
    world.files.write(
        "/proc/self/net/tcp6",
        table(&[("00000000000000000000000000000000:0050", 4)]),
    );
    process(
        &world,
        20,
        "nginx",
        &["/dev/null", "socket:[1]", "socket:[4]", "socket:[2]", "socket:[77]"],
    );
    process(&world, 21, "nginx", &["socket:[1]"]);
    process(&world, 30, "sshd", &["socket:[3]"]);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["local:20", "local:30", "local:unknown"]);
    let nginx = collected.group("local:20").expect("it listens");
    assert_eq!(nginx.labels().get("__meta_local_process_name"), Some("nginx"));
    assert_eq!(nginx.labels().get("__meta_local_executable"), Some("/usr/sbin/nginx"));
    assert_eq!(nginx.target_count(), 3);
    let unknown = collected.group("local:unknown").expect("it is listed all the same");
    let target = unknown.targets().next().expect("one socket");
    let label = |name| target.get(name).expect("every socket has it");
    assert_eq!(label("__address__"), "127.0.0.1:9999");
    assert_eq!(label("__meta_local_listen_address"), "0.0.0.0");
    assert_eq!((label("__meta_local_port"), label("__meta_local_uid")), ("9999", "101"));
}

#[test]
fn processes_that_vanish_meanwhile_or_may_not_be_looked_into_are_no_failure() {
    let mut world = world(&[("0100007F:1F90", 1)]);
    // Listed, but everything about it is gone or forbidden.
    world.files.make_unreadable("/proc/40/comm", "permission denied");
    world.files.make_unreadable("/proc/41/fd/3", "permission denied");
    process(&world, 50, "app", &["socket:[1]"]);
    world.files.remove("/proc/50/comm");
    world.files.remove("/proc/50/exe");
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.sources(), ["local:50"]);
    let labels = collected.group("local:50").expect("it listens").labels();
    assert_eq!(labels.iter().collect::<Vec<_>>(), [("__meta_local_pid", "50")]);
}

#[test]
fn what_stops_listening_is_gone_after_the_interval() {
    let mut world = world(&[("0100007F:1F90", 1), ("0100007F:1F91", 2)]);
    process(&world, 50, "app", &["socket:[1]", "socket:[2]"]);
    let mut collected = Collected::default();
    collected.receive(&world.settle());
    assert_eq!(collected.addresses(), ["127.0.0.1:8080", "127.0.0.1:8081"]);
    world.files.write("/proc/self/net/tcp", table(&[("0100007F:1F91", 2)]));
    collected.receive(&world.run_for(Duration::from_secs(31)));
    assert_eq!(collected.addresses(), ["127.0.0.1:8081"]);
}

#[test]
fn without_the_kernels_table_it_fails_and_says_so() {
    let mut world = world(&[]);
    world.files.make_unreadable("/proc/self/net/tcp", "permission denied");
    let received = world.settle();
    let expected = "listing the sockets that listen: reading /proc/self/net/tcp: permission denied";
    assert_eq!(received[0].failure(), Some(expected));
}
