//! The DNS, with a real name server in a network of the test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Folder, Headcount, Knot, Labels, check_service_discovery, promtool_knows, until};

const RESOLV_CONF: &str = "nameserver 127.0.0.1\nsearch other.test sd.test\noptions timeout:1 attempts:1\n";

const OTHER: (&str, Option<&str>) = (
    "other.test",
    Some("@ 1 IN SOA ns root 1 3600 600 86400 1\n@ 1 IN NS ns\nns 1 IN A 127.0.0.1\n"),
);

/// The zone and the jobs that the mechanism's own tests have golden answers for.
fn golden(name: &str) -> PathBuf {
    let backends = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/backends");
    backends.join("src/dns/testdata/golden").join(name)
}

fn golden_text(name: &str) -> String {
    fs::read_to_string(golden(name)).expect("a golden file")
}

/// What discovery alone says of a target.
fn discovered(labels: Labels) -> Labels {
    let is_discovered = |name: &str| name == "__address__" || name.starts_with("__meta_dns_");
    labels.into_iter().filter(|(name, _)| is_discovered(name)).collect()
}

type Answers = BTreeMap<String, BTreeSet<Labels>>;

const JOBS: [&str; 8] = ["a", "aaaa", "alias", "srv", "mx", "ns", "search", "nothing"];

/// Types of records that promtool has to know for a job: NS came later than Debian 12's.
fn is_known(job: &str) -> bool {
    job != "ns" || promtool_knows("dns_sd_configs: [{names: [a], type: NS, port: 1}]")
}

#[test]
fn targets_are_those_of_prometheus() {
    require!("knotd", "promtool", "ip");
    let _resolv_conf = in_own_network!(RESOLV_CONF);
    let folder = Folder::new();
    let zone = golden_text("sd.test.zone");
    let _knot = Knot::start(&folder, &[("sd.test", Some(&zone)), OTHER]);
    let whole = golden_text("prometheus.yml");
    let answers: Answers = serde_json::from_str(&golden_text("answers.json")).unwrap_or_default();

    let mut said = Answers::new();
    let mut config = String::from("scrape_configs:\n");
    for job in JOBS.iter().filter(|job| is_known(job)) {
        let start = whole.find(&format!("- job_name: {job}\n")).expect("a job");
        config.extend(whole[start..].split_inclusive('\n').take(2));
    }
    let config = folder.write("promtool.yml", config);
    for job in JOBS.iter().filter(|job| is_known(job)) {
        let targets = check_service_discovery(&config, job).into_iter();
        let targets = targets.map(|(labels, _)| discovered(labels)).collect();
        said.insert((*job).to_owned(), targets);
    }
    if std::env::var_os("HEADCOUNT_WRITE_GOLDEN").is_some() {
        assert_eq!(said.len(), JOBS.len(), "this promtool does not know all types");
        let text = serde_json::to_string_pretty(&said).expect("JSON") + "\n";
        fs::write(golden("answers.json"), text).expect("writing a golden file");
    } else {
        for (job, targets) in &said {
            assert_eq!(
                Some(targets),
                answers.get(job),
                "{job}: promtool no longer says what is in answers.json"
            );
        }
    }

    let headcount = Headcount::with_config(&folder, &golden("prometheus.yml"));
    for job in JOBS {
        let listed = until(&format!("{job} is listed"), || headcount.list(job));
        let listed: BTreeSet<Labels> = listed.into_iter().map(discovered).collect();
        assert_eq!(Some(&listed), said.get(job).or(answers.get(job)), "{job}");
    }
}

#[test]
fn six_hundred_records_come_over_tcp() {
    require!("knotd", "ip");
    let _resolv_conf = in_own_network!(RESOLV_CONF);
    let folder = Folder::new();
    let mut zone = golden_text("sd.test.zone");
    for host in 0..600 {
        zone += &format!("_big._tcp.sd.test. IN SRV 0 5 {} h{host}.sd.test.\n", 20_000 + host);
    }
    let _knot = Knot::start(&folder, &[("sd.test", Some(&zone))]);
    let config = "scrape_configs:\n- job_name: big\n  dns_sd_configs: [{names: [_big._tcp.sd.test]}]\n";
    let headcount = Headcount::with_config(&folder, &folder.write("big.yml", config));
    let listed = until("big is listed", || headcount.list("big"));
    assert_eq!(listed.len(), 600);
}

#[test]
fn only_an_answer_takes_targets_away() {
    require!("knotd", "ip");
    let resolv_conf = in_own_network!(RESOLV_CONF);
    let folder = Folder::new();
    let zone = golden_text("sd.test.zone");
    let name = "web 1 IN A 10.0.0.1\n";
    let other = OTHER.1.expect("a zone").to_owned() + name;
    let config = "scrape_configs:\n- job_name: web\n  dns_sd_configs: [{names: [alias.sd.test, web.other.test], \
                  type: A, port: 80, refresh_interval: 1s}]\n";
    let knot = Knot::start(&folder, &[("sd.test", Some(&zone)), ("other.test", Some(&other))]);
    let headcount = Headcount::with_config(&folder, &folder.write("web.yml", config));
    let both = ["10.0.0.1:80", "127.0.0.21:80", "127.0.0.22:80"];
    headcount.wait_for("web", &both);

    // One zone answers SERVFAIL: its name keeps its target, and the other follows the DNS.
    knot.kill();
    let fewer = zone.replace("web.sd.test. IN A 127.0.0.22\n", "");
    let knot = Knot::start(&folder, &[("sd.test", Some(&fewer)), ("other.test", None)]);
    headcount.wait_for("web", &["10.0.0.1:80", "127.0.0.21:80"]);
    let provider = headcount.provider("dns").expect("a provider").to_string();
    assert!(provider.contains("answered SERVFAIL (web.other.test.)"), "{provider}");

    // Nobody answers at all.
    knot.kill();
    headcount.wait_for_failure(
        "dns",
        &["alias.sd.test (A)", "127.0.0.1:53 can't be asked: Connection refused"],
    );
    headcount.wait_for("web", &["10.0.0.1:80", "127.0.0.21:80"]);

    // And no server is known.
    fs::write(&resolv_conf, "# none\n").expect("writing resolv.conf");
    headcount.wait_for_failure("dns", &["/etc/resolv.conf names no name server"]);
    fs::write(&resolv_conf, RESOLV_CONF).expect("writing resolv.conf");

    // There is no such name any more.
    let _knot = Knot::start(&folder, &[("sd.test", Some(&fewer)), OTHER]);
    headcount.wait_for("web", &["127.0.0.21:80"]);
    headcount.wait_for_health("dns");
}
