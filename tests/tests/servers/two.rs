//! Two headcounts with one configuration, which know nothing of each other: whichever of them is asked, the targets are
//! the same, and one of them is enough.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::required::find;
use crate::support::{Folder, Headcount, Knot, Labels, Nginx, Process, Prometheus, target_list, until};

/// The Prometheus asks by a name that has two addresses.
const ZONE: &str = "@ 1 IN SOA ns root 1 3600 600 86400 1\n@ 1 IN NS ns\nns 1 IN A 127.0.0.1\n\
                    headcount 1 IN A 127.0.0.2\nheadcount 1 IN A 127.0.0.3\n";
const RESOLV_CONF: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
const ADDRESSES: [&str; 2] = ["127.0.0.2:9099", "127.0.0.3:9099"];

const MEMBERS: [&str; 3] = ["prometheus-a", "prometheus-b", "prometheus-c"];

/// A list of hosts `first..first + count`, with a generation that they have in common.
fn list(first: usize, count: usize, generation: usize) -> String {
    let hosts: Vec<_> = (first..first + count)
        .map(|host| format!("127.9.{}.{}:9100", host / 256, host % 256))
        .collect();
    format!(r#"[{{"targets": {hosts:?}, "labels": {{"generation": "{generation}"}}}}]"#)
}

/// All that a headcount says of its lists: whole, and as each member gets them.
fn lists(headcount: &Headcount, jobs: &[&str]) -> Result<BTreeMap<String, Vec<Labels>>, String> {
    let mut lists = BTreeMap::new();
    for job in jobs {
        let mut paths = vec![format!("/sd/{job}"), format!("/sd/{job}?relabelled=true")];
        paths.extend(MEMBERS.map(|member| format!("/sd/{job}?member={member}")));
        for path in paths {
            let answer = headcount.get(&path)?;
            match answer.status {
                200 => drop(lists.insert(path, target_list(&answer.json()?)?)),
                status => return Err(format!("{path}: status {status}")),
            }
        }
    }
    Ok(lists)
}

/// Waits until both say the same, and of the first job so many targets.
fn wait_until_alike(both: [&Headcount; 2], jobs: &[&str], targets: usize) -> BTreeMap<String, Vec<Labels>> {
    until(&format!("both have {targets} targets, and the same"), || {
        let [one, other] = both.map(|headcount| lists(headcount, jobs));
        let (one, other) = (one?, other?);
        let count = one[&format!("/sd/{}", jobs[0])].len();
        match one == other && count == targets {
            true => Ok(one),
            false => Err(format!("{count} targets")),
        }
    })
}

#[test]
fn both_have_the_same_targets_and_share_them_out_alike_whatever_each_of_them_has_seen() {
    require!("nginx");
    let folder = Folder::new();
    folder.write("sd/a.json", list(0, 200, 1));
    folder.write("www/list.json", list(1_000, 100, 1));
    let nginx = Nginx::start(&folder, &[";"]);
    let config = format!(
        "scrape_configs:\n- job_name: fleet\n  file_sd_configs: [{{files: ['{}/*.json']}}]\n  \
         http_sd_configs: [{{url: 'http://127.0.0.1:{}/list.json', refresh_interval: 1s}}]\n\
         - job_name: few\n  static_configs: [{{targets: ['127.9.200.1:80', '127.9.200.2:80']}}]\n",
        folder.text("sd"),
        nginx.port(0)
    );
    let config = folder.write("prometheus.yml", config);
    let settings = folder.write("headcount.yml", format!("members: {{names: {MEMBERS:?}}}\n"));
    let arguments = ["--config", path(&config), "--settings", path(&settings)];
    let jobs = ["fleet", "few"];
    let folders = [Folder::new(), Folder::new()];
    let first = Headcount::start(&folders[0], &arguments);
    until("the first one has all", || match first.list("fleet")?.len() {
        300 => Ok(()),
        count => Err(format!("{count} targets")),
    });

    // What only the first one has seen: lists that grew in front, came, and went.
    let mut grown = list(1_000, 100, 1);
    grown.insert_str(1, &format!("{},", list(2_000, 7, 1).trim_matches(['[', ']'])));
    folder.write("www/list.json", grown);
    folder.write("sd/b.json", list(3_000, 50, 1));
    folder.write("sd/a.json", list(0, 200, 2));
    until("the first one has followed", || match first.list("fleet")?.len() {
        357 => Ok(()),
        count => Err(format!("{count} targets")),
    });
    let second = Headcount::start(&folders[1], &arguments);
    let all = wait_until_alike([&first, &second], &jobs, 357);
    // Each target is a member's, and nobody else's.
    for job in jobs {
        let parts = MEMBERS.map(|member| all[&format!("/sd/{job}?member={member}")].clone());
        let mut parts = parts.concat();
        parts.sort();
        assert_eq!(parts, all[&format!("/sd/{job}")], "{job}");
    }

    // And what both see.
    folder.write("sd/a.json", list(0, 210, 3));
    folder.remove("sd/b.json");
    wait_until_alike([&first, &second], &jobs, 317);
    drop(nginx);
}

#[test]
fn one_of_two_behind_a_name_is_enough() {
    require!("prometheus", "knotd", "ip");
    let _resolv_conf = in_own_network!(RESOLV_CONF);
    let folder = Folder::new();
    let _knot = Knot::start(&folder, &[("two.test", Some(ZONE))]);
    folder.write("sd/a.json", list(0, 500, 1));
    let config = format!(
        "scrape_configs: [{{job_name: fleet, file_sd_configs: [{{files: ['{}/*.json']}}]}}]\n",
        folder.text("sd")
    );
    let config = folder.write("prometheus.yml", config);
    let folders = [Folder::new(), Folder::new()];
    // Without state: the one that comes back knows nothing.
    // Who is asked by a name has to know it.
    let settings = folder.write("headcount.yml", "web: {allowed_hosts: [headcount.two.test]}\n");
    let arguments = ["--config", path(&config), "--settings", path(&settings), "--no-state"];
    let mut both: Vec<_> = folders
        .iter()
        .zip(ADDRESSES)
        .map(|(folder, address)| Headcount::at(folder, &arguments, address))
        .collect();
    let through = "global: {scrape_interval: 1d}\nscrape_configs:\n- job_name: fleet\n  http_sd_configs: \
                   [{url: 'http://headcount.two.test:9099/sd/fleet', refresh_interval: 500ms}]\n";
    let prometheus = Prometheus::start(&folder, "prometheus", &folder.write("through.yml", through));
    let (targets, fleet) = ("prometheus_sd_discovered_targets", [r#"config="fleet""#]);
    prometheus.wait_for_metric(targets, &fleet, 500.0);

    // Each of them in turn is gone, while what there is changes; there is never less than before.
    let mut hosts = 500;
    for turn in [0, 1, 0] {
        both[turn].kill();
        let before = f64::from(hosts);
        hosts += 10;
        folder.write("sd/a.json", list(0, hosts as usize, 2));
        until("Prometheus learns of more from the other one", || {
            let found = prometheus.metric(targets, &fleet)?;
            assert!(found >= before, "{found} targets of {before}");
            match found == f64::from(hosts) {
                true => Ok(()),
                false => Err(format!("{found} targets")),
            }
        });
        both[turn].restart();
        until("the one that was gone is ready", || {
            match both[turn].get("/-/ready")?.status {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        });
    }
}

/// The example of `docs/several-machines.md`; who may run a script is another one in a test's own network.
#[test]
fn the_example_for_keepalived_is_taken_by_it() {
    require!("keepalived", "ip");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/example/keepalived.conf");
    let example = std::fs::read_to_string(example).expect("it is a file of the project");
    let folder = Folder::new();
    let check = |text: &str| {
        let path = folder.write("keepalived.conf", text);
        let inside = "ip link add eth0 type veth peer name eth1 && exec \"$0\" --config-test --use-file \"$1\"";
        let mut unshare = Process::command(Path::new("unshare"));
        unshare.args(["--map-root-user", "--net", "--mount", "sh", "-c", inside]);
        let output = unshare
            .arg(find("keepalived").expect("it is installed"))
            .arg(path)
            .output();
        output.expect("it starts")
    };
    let output = check(&example.replace("script_user nobody", "script_user root"));
    assert!(output.status.success(), "{output:?}");
    let output = check(&example.replace("weight", "wieght"));
    assert!(!output.status.success(), "it takes anything");
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
