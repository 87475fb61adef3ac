//! What vmagent makes of a configuration is what headcount makes of it with `--dialect vmagent`, and what it does with
//! headcount's lists is what it does by itself.
//!
//! `cases.yml` is a configuration of vmagent's with one rule set a job, each for what vmagent has and Prometheus lacks, or does
//! in another way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Folder, Headcount, Labels, Prometheus, Seen, Vmagent, headcount_binary, until};

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/servers/vmagent/cases.yml")
}

/// The targets of each job: those that are scraped, with labels and URLs, and how many are dropped.
type Outcome = BTreeMap<String, BTreeSet<(Labels, String)>>;

fn scraped(seen: &Seen) -> Outcome {
    let mut jobs = Outcome::new();
    for (job, _, labels, url) in &seen.active {
        // What it is asked for is no matter of relabelling.
        jobs.entry(job.clone())
            .or_default()
            .insert((labels.clone(), url.clone()));
    }
    jobs
}

fn run_with_dialect<'a>(folder: &Folder, config: &'a Path, more: &[&'a str]) -> Headcount {
    let config = config.to_str().expect("a path in UTF-8");
    let arguments = [&["--config", config, "--dialect", "vmagent"], more].concat();
    Headcount::start(folder, &arguments)
}

fn of_headcount(headcount: &Headcount) -> Result<Seen, String> {
    crate::support::seen(&headcount.get("/api/v1/targets")?.json()?["data"])
}

#[test]
fn vmagent_makes_the_same_of_every_target() {
    require!("vmagent-1.112");
    let folder = Folder::new();
    let vmagent = Vmagent::start(&folder, "vmagent", &cases());
    let headcount = run_with_dialect(&folder, &cases(), &[]);
    until("both have all targets", || {
        let (theirs, ours) = (vmagent.targets()?, of_headcount(&headcount)?);
        // One after the other, so that what fails is named.
        for (job, targets) in scraped(&theirs) {
            let found = scraped(&ours).remove(&job).unwrap_or_default();
            if found != targets {
                return Err(format!("{job}: vmagent has {targets:?}\nand headcount {found:?}"));
            }
        }
        let jobs = |seen: &Seen| scraped(seen).into_keys().collect::<BTreeSet<_>>();
        let dropped = |seen: &Seen| {
            let address = |labels: &Labels| (labels.get("job").cloned(), labels.get("__address__").cloned());
            seen.dropped.iter().map(address).collect::<BTreeSet<_>>()
        };
        if jobs(&theirs) != jobs(&ours) || dropped(&theirs) != dropped(&ours) {
            return Err(format!(
                "vmagent drops {:?}\nand headcount {:?}",
                dropped(&theirs),
                dropped(&ours)
            ));
        }
        match theirs.active.len() > 25 && theirs.dropped.len() > 10 {
            true => Ok(()),
            false => Err(format!("{} and {}", theirs.active.len(), theirs.dropped.len())),
        }
    });
}

/// Jobs with rules of vmagent's and of both, one of which Prometheus would carry out otherwise.
const CONFIG: &str = r#"
global: {scrape_interval: 1h, scrape_timeout: 5s}
scrape_configs:
- job_name: racks
  stream_parse: true
  file_sd_configs: [{files: ['@SD@/*.json']}]
  relabel_configs:
  - {action: keep, if: ['{dc="a"}', '{rack=~"r[12]"}']}
  - {action: replace_all, source_labels: [rack], regex: r, target_label: rack, replacement: rack-}
  - {action: drop_if_equal, source_labels: [dc, env]}
- job_name: both
  file_sd_configs: [{files: ['@SD@/*.json']}]
  relabel_configs:
  - {action: keep, source_labels: [dc], regex: a|b}
  - {source_labels: [rack], target_label: where}
- job_name: sharded
  file_sd_configs: [{files: ['@SD@/*.json']}]
  relabel_configs:
  - {action: hashmod, source_labels: [__address__], modulus: 2, target_label: __tmp_shard}
  - {action: keep, source_labels: [__tmp_shard], regex: [1, 7]}
"#;

#[test]
fn vmagent_and_prometheus_take_over_lists_and_end_with_the_same_targets() {
    require!("vmagent-1.112", "prometheus");
    let folder = Folder::new();
    let list = |dc: &str, net: &str| {
        let target = |host: u8, rack: &str| {
            format!(
                r#"{{"targets": ["127.0.{net}.{host}:9"], "labels": {{"dc": "{dc}", "rack": "{rack}", "env": "b"}}}}"#
            )
        };
        let targets: Vec<_> = (1..9)
            .map(|host| target(host, ["r1", "r2", "r3"][usize::from(host) % 3]))
            .collect();
        format!("[{}]", targets.join(", "))
    };
    folder.write("sd/one.json", list("a", "0"));
    let text = CONFIG.replace("@SD@", &folder.text("sd"));
    let for_vmagent = folder.write("vmagent.yml", &text);
    // Prometheus reads what is left for it once headcount has the rest.
    let for_prometheus = folder.write("prometheus.yml", text.replace("  stream_parse: true\n", ""));
    let headcount = run_with_dialect(&folder, &for_vmagent, &[]);

    let adopted = adopt(&folder, &headcount, &for_vmagent, "vmagent");
    assert!(
        adopted.contains("{action: keep, if: [") && !adopted.contains("relabelled=true"),
        "{adopted}"
    );
    let adopted = folder.write("vmagent-adopted.yml", adopted);
    let taken_over = adopt(&folder, &headcount, &for_prometheus, "2");
    assert_eq!(taken_over.matches("relabelled=true").count(), 3, "{taken_over}");
    let taken_over = folder.write("prometheus-adopted.yml", taken_over);

    let direct = Vmagent::start(&folder, "direct", &for_vmagent);
    let through = Vmagent::start(&folder, "through", &adopted);
    let prometheus = Prometheus::start(&folder, "prometheus", &taken_over);
    let for_3 = folder.write("for-3.yml", adopt(&folder, &headcount, &for_prometheus, "3"));
    let newest = Prometheus::start_newest(&folder, "newest", &for_3);
    let alike = |least: usize| {
        until("all have the same targets", || {
            let expected = scraped(&direct.targets()?);
            let mut readers = vec![scraped(&through.targets()?), scraped(&prometheus.targets()?)];
            if let Some(newest) = &newest {
                readers.push(scraped(&newest.targets()?));
            }
            let count: usize = expected.values().map(BTreeSet::len).sum();
            if count < least || readers.iter().any(|reader| *reader != expected) {
                Err(format!(
                    "vmagent by itself: {expected:?}\nthose that read lists: {readers:?}"
                ))
            } else {
                Ok(())
            }
        });
    };
    alike(17);
    folder.write("sd/two.json", list("c", "1"));
    folder.write("sd/one.json", list("b", "0"));
    alike(9);
}

fn adopt(folder: &Folder, headcount: &Headcount, config: &Path, reader: &str) -> String {
    let url = format!("http://{}/", headcount.address());
    let output = Command::new(headcount_binary())
        .args(["adopt", "--dialect", "vmagent", "--url", &url, "--for", reader])
        .arg(config)
        .current_dir(folder.path(""))
        .output()
        .expect("starting headcount");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
