//! 20,000 hosts: found, served, changed, reloaded, and never seen in part.
//!
//! Times are printed (`cargo test --test servers scale -- --nocapture`); what is asserted of them
//! is generous, since builds for tests are slow and machines busy.

use std::time::{Duration, Instant};

use crate::support::{Folder, Headcount, Nginx, Prometheus, until};

/// Hosts.
const HOSTS: usize = 20_000;

/// How long a change may take until it is served. It takes a fraction of a second.
const LONGEST_LATENCY: Duration = Duration::from_secs(5);

/// Writes the lists of all hosts, so many to a file.
fn write_lists(folder: &Folder, hosts_per_file: usize) {
    for file in 0..HOSTS / hosts_per_file {
        folder.write(&list_name(file), list(file, hosts_per_file, "first"));
    }
}

fn list_name(file: usize) -> String {
    format!("sd/{file:05}.json")
}

fn list(file: usize, hosts: usize, generation: &str) -> String {
    let first = file * hosts;
    let hosts: Vec<_> = (first..first + hosts)
        .map(|host| format!("10.{}.{}.{}:9100", host / 65_536, host / 256 % 256, host % 256))
        .collect();
    format!(r#"[{{"targets": {hosts:?}, "labels": {{"file": "{file}", "generation": "{generation}", "dc": "köln"}}}}]"#)
}

fn job(folder: &Folder) -> String {
    format!(
        "  - job_name: fleet\n    file_sd_configs: [{{files: ['{}/*.json']}}]\n",
        folder.text("sd")
    )
}

fn config(folder: &Folder, more: &str) -> String {
    format!("scrape_configs:\n{}{more}", job(folder))
}

/// How many targets the job's list has; every one of them has an address.
fn count(headcount: &Headcount) -> Result<usize, String> {
    headcount.list("fleet").map(|targets| targets.len())
}

/// Waits for a list that has all hosts. Until then there must be none, not one in part.
fn wait_for_all(headcount: &Headcount) {
    let started = Instant::now();
    until("all hosts are served", || {
        let answer = headcount.get("/sd/fleet")?;
        match answer.status {
            503 => Err(answer.text()),
            200 => {
                let found = answer.text().matches(":9100\"").count();
                assert_eq!(found, HOSTS, "a list in part was served");
                Ok(())
            }
            status => panic!("status {status}: {}", answer.text()),
        }
    });
    println!(
        "{HOSTS} hosts were served {:?} after headcount listened",
        started.elapsed()
    );
}

/// Changes one file and waits until the change is served; gives how long that took.
fn change_and_wait(
    headcount: &Headcount,
    folder: &Folder,
    file: usize,
    hosts_per_file: usize,
    generation: &str,
) -> Duration {
    let tag = headcount.get("/sd/fleet").unwrap().header("etag").unwrap().to_owned();
    let marker = format!(r#""generation":"{generation}""#);
    let started = Instant::now();
    folder.write(&list_name(file), list(file, hosts_per_file, generation));
    let took = until("the change is served", || {
        let answer = headcount.get_unless("/sd/fleet", &tag)?;
        let took = started.elapsed();
        match answer.status {
            304 => Err("the list has not changed".to_owned()),
            200 if answer.text().contains(&marker) => Ok(took),
            status => Err(format!("status {status} without the change")),
        }
    });
    assert!(took < LONGEST_LATENCY, "{took:?}");
    took
}

#[test]
fn a_fleet_in_200_files_is_changed_and_reloaded_while_it_is_served() {
    let folder = Folder::new();
    write_lists(&folder, 100);
    let config_file = folder.write("prometheus.yml", config(&folder, ""));
    let headcount = Headcount::with_config(&folder, &config_file);
    wait_for_all(&headcount);

    let times: Vec<_> = (0..5)
        .map(|round| change_and_wait(&headcount, &folder, round * 40, 100, &format!("round {round}")))
        .collect();
    println!("a change of one of 200 files was served after {times:?}");

    // Reloads, good and bad, by signal and by request; the list is there throughout.
    let reloads = |round: usize| {
        let more = format!("  - job_name: more{round}\n    static_configs: [{{targets: ['10.200.0.{round}:1']}}]\n");
        folder.write("prometheus.yml", config(&folder, &more));
    };
    for round in 0..4 {
        reloads(round);
        if round % 2 == 0 {
            headcount.hang_up();
        } else {
            assert_eq!(headcount.reload().status, 200);
        }
        let job = format!("more{round}");
        until(&format!("{job} is there"), || {
            assert_eq!(count(&headcount), Ok(HOSTS));
            headcount.list(&job).map(|targets| assert_eq!(targets.len(), 1))
        });
        folder.write("prometheus.yml", config(&folder, "  - job_name: fleet\n"));
        let answer = headcount.reload();
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("already defined"), "{}", answer.text());
        assert_eq!(count(&headcount), Ok(HOSTS));
    }

    folder.remove(&list_name(7));
    until("the hosts of a file that was removed are gone", || {
        match count(&headcount)? {
            found if found == HOSTS - 100 => Ok(()),
            found => Err(format!("{found} targets")),
        }
    });
}

#[test]
fn a_fleet_in_20000_files_is_found_and_followed() {
    let folder = Folder::new();
    write_lists(&folder, 1);
    let config_file = folder.write("prometheus.yml", config(&folder, ""));
    let headcount = Headcount::with_config(&folder, &config_file);
    wait_for_all(&headcount);
    let times: Vec<_> = (0..3)
        .map(|round| change_and_wait(&headcount, &folder, 19_000 + round, 1, &format!("round {round}")))
        .collect();
    println!("a change of one of 20,000 files was served after {times:?}");
}

#[test]
fn a_restart_takes_no_target_from_prometheus() {
    require!("prometheus", "nginx");
    let folder = Folder::new();
    write_lists(&folder, 100);
    // A second mechanism of the same job, which can be held up.
    let remote = |host: &str| format!(r#"[{{"targets": ["{host}"], "labels": {{"generation": "remote"}}}}]"#);
    folder.write("www/list.json", remote("10.255.0.1:9100"));
    let mut nginx = Nginx::start(&folder, &[";"]);
    let url = format!("http://127.0.0.1:{}/list.json", nginx.port(0));
    let more = format!("    http_sd_configs: [{{url: '{url}', refresh_interval: 500ms}}]\n");
    let config_file = folder.write("prometheus.yml", config(&folder, &more));
    let mut headcount = Headcount::restartable(&folder, &["--config", config_file.to_str().unwrap()]);
    until("all hosts are served", || match count(&headcount)? {
        found if found == HOSTS + 1 => Ok(()),
        found => panic!("a list in part was served, of {found}"),
    });
    let through = format!(
        "global: {{scrape_interval: 1d}}\nscrape_configs:\n  - job_name: fleet\n    http_sd_configs: \
         [{{url: 'http://{}/sd/fleet', refresh_interval: 500ms}}]\n",
        headcount.address()
    );
    let prometheus = Prometheus::start(&folder, "prometheus", &folder.write("through.yml", &through));
    let (targets, fleet) = ("prometheus_sd_discovered_targets", [r#"config="fleet""#]);
    let (failures, any) = ("prometheus_sd_http_failures_total", []);
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let all = (HOSTS + 1) as f64;
    prometheus.wait_for_metric(targets, &fleet, all);

    // From now on, until the change after the restart has arrived, it must never have fewer.
    let has_all = || assert_eq!(prometheus.metric(targets, &fleet), Ok(all), "Prometheus lost targets");
    nginx.kill();
    headcount.stop();
    let before = prometheus.metric(failures, &any).unwrap();
    headcount.restart();
    until(
        "the files are read again",
        || match headcount.provider("file")?["targets"].as_u64() {
            Some(found) if found == HOSTS as u64 => Ok(()),
            found => Err(format!("{found:?}")),
        },
    );
    // The hosts of the files are known, the other is not: nothing is served, and Prometheus keeps
    // what it has, though it asks.
    until("Prometheus has asked in vain", || {
        has_all();
        assert_eq!(headcount.get("/sd/fleet").unwrap().status, 503);
        let failed = prometheus.metric(failures, &any)? - before;
        if failed >= 3.0 {
            Ok(())
        } else {
            Err(format!("{failed} times"))
        }
    });
    folder.write("www/list.json", remote("10.255.0.2:9100"));
    nginx.restart();
    until("the list is whole again", || match count(&headcount)? {
        found if found == HOSTS + 1 => Ok(()),
        found => panic!("a list in part was served, of {found}"),
    });
    until("Prometheus has the other host", || {
        has_all();
        let seen = prometheus.targets()?;
        if seen.addresses().contains("10.255.0.2:9100") {
            Ok(())
        } else {
            Err("it has not".to_owned())
        }
    });
    has_all();
}
