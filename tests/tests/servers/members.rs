//! Two real Prometheus share targets out: one joins, and the other leaves, and no target misses a scrape.
//!
//! Each keeps the times of its scrapes. **Of each target, no two scrapes of either follow each other by more than one and a
//! half intervals**, from when all are scraped to when all have moved.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{ExpositionServer, Folder, Headcount, Prometheus, until, whole_answer};

const TARGETS: usize = 20;

const INTERVAL: f64 = 2.0;

const JOB: &str = "global: {scrape_interval: 2s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: node\n";

/// A Prometheus whose targets are a member's share.
fn member(folder: &Folder, name: &str, headcount: &Headcount, query: &str) -> Prometheus {
    let url = format!("http://{}/sd/node?member={name}{query}", headcount.address());
    let sd = format!("  http_sd_configs: [{{url: '{url}', refresh_interval: 2s}}]\n");
    let config = folder.write(&format!("{name}.yml"), JOB.to_owned() + &sd);
    Prometheus::start(folder, name, &config)
}

/// The targets that it scrapes.
fn scraped(prometheus: &Prometheus) -> Result<BTreeSet<String>, String> {
    let seen = prometheus.targets()?;
    let cases = seen.active.iter().filter_map(|(_, _, labels, _)| labels.get("case"));
    Ok(cases.cloned().collect())
}

/// When each target was scraped, in seconds, by either.
fn scrapes(servers: [&Prometheus; 2]) -> BTreeMap<String, Vec<f64>> {
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for server in servers {
        let answer = server.json("/api/v1/query?query=up%5B10m%5D").expect("an answer");
        for series in answer["data"]["result"].as_array().expect("series") {
            let case = series["metric"]["case"].as_str().expect("a label").to_owned();
            let samples = series["values"].as_array().expect("samples").iter();
            let good = samples.filter(|sample| sample[1] == "1");
            times
                .entry(case)
                .or_default()
                .extend(good.filter_map(|sample| sample[0].as_f64()));
        }
    }
    for times in times.values_mut() {
        times.sort_by(f64::total_cmp);
    }
    times
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs_f64()
}

fn overview(headcount: &Headcount) -> Result<Value, String> {
    Ok(headcount.get("/api/v1/members")?.json()?["data"].take())
}

#[test]
fn no_target_misses_a_scrape_when_a_member_joins_and_when_one_leaves() {
    require!("prometheus");
    let folder = Folder::new();
    let names: Vec<String> = (0..TARGETS).map(|number| format!("t{number}")).collect();
    let answers = names.iter().map(|name| {
        let answer = whole_answer("text/plain; version=0.0.4", "a 1\n");
        (format!("/{name}"), answer)
    });
    let server = ExpositionServer::start(answers.collect());
    let targets = names.iter().map(|name| {
        let address = server.address();
        format!("  - {{targets: ['{address}'], labels: {{__metrics_path__: /{name}, case: {name}}}}}\n")
    });
    let config = folder.write(
        "prometheus.yml",
        format!("{JOB}  static_configs:\n{}", targets.collect::<String>()),
    );
    let share = |members: &str| folder.write("headcount.yml", format!("members: {{names: [{members}]}}"));
    share("a");
    let headcount = Headcount::with_config(&folder, &config);
    let address = server.address().to_string();
    headcount.wait_for("node", &[address.as_str(); TARGETS]);

    // One of the lists is relabelled, and the other is not.
    let (a, b) = (
        member(&folder, "a", &headcount, "&relabelled=true"),
        member(&folder, "b", &headcount, ""),
    );
    let all: BTreeSet<String> = names.into_iter().collect();
    until("a has scraped all targets", || match scrapes([&a, &b]).len() {
        TARGETS => Ok(()),
        other => Err(format!("{other} targets")),
    });
    assert_eq!(scraped(&b).expect("an answer"), BTreeSet::new(), "b is no member");
    let begin = now();

    share("a, b");
    assert_eq!(headcount.reload().status, 200);
    until("each has its part", || {
        let (of_a, of_b) = (scraped(&a)?, scraped(&b)?);
        let both: BTreeSet<String> = of_a.union(&of_b).cloned().collect();
        match both == all && of_a.is_disjoint(&of_b) && !of_b.is_empty() {
            true => Ok(()),
            false => Err(format!("{of_a:?}, {of_b:?}, {}", overview(&headcount)?)),
        }
    });
    let joined = overview(&headcount).expect("members");
    assert_eq!(joined["handovers"], 0, "{joined}");
    assert_eq!(joined["moved"], joined["members"][1]["targets"], "{joined}");

    share("b");
    assert_eq!(headcount.reload().status, 200);
    until("b has all, and a nothing", || {
        let (of_a, of_b) = (scraped(&a)?, scraped(&b)?);
        match of_b == all && of_a.is_empty() {
            true => Ok(()),
            false => Err(format!("{of_a:?}, {of_b:?}, {}", overview(&headcount)?)),
        }
    });
    let end = now();
    until("b has scraped once more", || {
        let times = scrapes([&a, &b]);
        let last = times.values().filter_map(|times| times.last());
        match last.clone().count() == TARGETS && last.clone().all(|last| *last > end) {
            true => Ok(()),
            false => Err(format!("{times:?}")),
        }
    });
    for (target, times) in scrapes([&a, &b]) {
        for pair in times.windows(2).filter(|pair| pair[1] > begin) {
            let gap = pair[1] - pair[0];
            assert!(
                gap <= 1.5 * INTERVAL,
                "{target} was not scraped for {gap} s from {} on: {times:?}",
                pair[0]
            );
        }
    }
}
