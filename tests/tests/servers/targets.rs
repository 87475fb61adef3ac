//! Targets that are wrong, twice there, dropped to the last, or very many: each has a fate that
//! the API tells, and nothing else suffers.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Folder, Headcount, until};

fn data(headcount: &Headcount, path: &str) -> Result<Value, String> {
    Ok(headcount.get(path)?.json()?["data"].take())
}

/// Waits until a job has so many targets of each fate, and gives what is said of it.
#[track_caller]
fn wait_for_counts(headcount: &Headcount, job: &str, counts: Value) {
    until(&format!("{job} has {counts}"), || {
        let pools = data(headcount, "/api/v1/scrape_pools")?;
        let pool = pools["pools"]
            .as_array()
            .and_then(|pools| pools.iter().find(|pool| pool["name"] == job));
        let pool = pool.ok_or_else(|| format!("no {job} in {pools}"))?;
        let found = json!([pool["active"], pool["dropped"], pool["duplicate"], pool["invalid"]]);
        if found == counts { Ok(()) } else { Err(pool.to_string()) }
    });
}

fn fates(headcount: &Headcount, path: &str, list: &str) -> Vec<(String, Value)> {
    let data = data(headcount, path).unwrap();
    let targets = data[list].as_array().expect("a list").iter();
    let mut fates: Vec<_> = targets
        .map(|target| {
            let address = target["discoveredLabels"]["__address__"].as_str().unwrap_or_default();
            (address.to_owned(), target["fate"].clone())
        })
        .collect();
    fates.sort_by(|a, b| a.0.cmp(&b.0));
    fates
}

#[test]
fn every_bad_target_says_what_is_wrong_with_it() {
    let folder = Folder::new();
    let settings = "
    label_limit: 4
    label_name_length_limit: 20
    label_value_length_limit: 30
    relabel_configs:
    - {source_labels: [interval], regex: (.+), target_label: __scrape_interval__}
    - {source_labels: [rename], regex: (.+), target_label: '${1}', replacement: there}
    - {source_labels: [grow], regex: (.+), target_label: grown, replacement: '$1$1$1$1$1$1$1$1$1$1'}
    - {regex: interval|rename|grow|source, action: labeldrop}
";
    let config = format!(
        "scrape_configs:\n  - job_name: bad{settings}    file_sd_configs: [{{files: ['{0}/*.json']}}]\n  \
         - job_name: all-dropped\n    file_sd_configs: [{{files: ['{0}/*.json']}}]\n    \
         relabel_configs: [{{source_labels: [__address__], regex: 'no such host', action: keep}}]\n",
        folder.text("sd")
    );
    folder.write(
        "sd/a.json",
        r#"[
            {"targets": ["http://path:1/metrics", "", "no-port", "fine:1"]},
            {"targets": ["often:1"], "labels": {"interval": "often"}},
            {"targets": ["never:1"], "labels": {"interval": "0"}},
            {"targets": ["hasty:1"], "labels": {"interval": "5s"}},
            {"targets": ["utf-8:1"], "labels": {"rename": "größe m²"}},
            {"targets": ["many:1"], "labels": {"x1": "1", "x2": "2", "x3": "3"}},
            {"targets": ["name:1"], "labels": {"n123456789012345678901234567890": "1"}},
            {"targets": ["value:1"], "labels": {"grow": "12345"}}
        ]"#,
    );
    folder.write(
        "sd/b.json",
        r#"[{"targets": ["fine:1"], "labels": {"source": "b"}}, {"targets": ["fine:1"]}]"#,
    );
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config));
    wait_for_counts(&headcount, "bad", json!([6, 0, 2, 5]));

    let invalid = fates(&headcount, "/api/v1/targets?scrapePool=bad", "invalidTargets");
    let expected = [
        ("", "no address"),
        ("hasty:1", "__scrape_timeout__ is longer than its __scrape_interval__"),
        ("http://path:1/metrics", "holds a `/`"),
        ("never:1", "__scrape_interval__ is 0"),
        ("often:1", "__scrape_interval__ can't be read"),
    ];
    assert_eq!(invalid.len(), expected.len());
    for ((address, fate), (expected, said)) in invalid.iter().zip(expected) {
        assert_eq!(address, expected);
        assert!(
            fate["message"].as_str().is_some_and(|message| message.contains(said)),
            "{fate}"
        );
    }
    let active = fates(&headcount, "/api/v1/targets?scrapePool=bad", "activeTargets");
    let active: Vec<_> = active
        .iter()
        .map(|(address, fate)| (address.as_str(), fate["limit"].as_str()))
        .collect();
    let expected = [
        ("fine:1", None),
        ("many:1", Some("label_limit")),
        ("name:1", Some("label_name_length_limit")),
        ("no-port", None),
        ("utf-8:1", None),
        ("value:1", Some("label_value_length_limit")),
    ];
    assert_eq!(active, expected);
    let named = data(
        &headcount,
        "/api/v1/targets?match[]={\"größe%20m²\"=\"there\"}"
            .replace('ö', "%C3%B6")
            .replace('ß', "%C3%9F")
            .replace('²', "%C2%B2")
            .replace('"', "%22")
            .as_str(),
    )
    .unwrap();
    assert_eq!(named["activeTargets"][0]["labels"]["größe m²"], "there");

    // The other two of the three that are one say so, and of which.
    for (address, fate) in fates(&headcount, "/api/v1/targets?scrapePool=bad", "duplicateTargets") {
        assert_eq!((address.as_str(), &fate["of"]["address"]), ("fine:1", &json!("fine:1")));
        assert!(
            fate["of"]["source"]
                .as_str()
                .is_some_and(|source| source.contains(".json:")),
            "{fate}"
        );
    }

    // Rules that drop everything are said, not silent.
    wait_for_counts(&headcount, "all-dropped", json!([0, 13, 0, 0]));
    let dropped = fates(
        &headcount,
        "/api/v1/targets?scrapePool=all-dropped&search=fine",
        "droppedTargets",
    );
    assert_eq!(dropped.len(), 3);
    assert_eq!(dropped[0].1["value"], "fine:1");
    let metrics = headcount.text("/metrics");
    for sample in [
        r#"headcount_target_fates{scrape_job="all-dropped",fate="dropped"} 13"#,
        r#"headcount_target_fates{scrape_job="bad",fate="invalid"} 5"#,
        r#"headcount_target_fates{scrape_job="bad",fate="over_label_limits"} 3"#,
        r#"prometheus_target_sync_failed_total{scrape_job="bad"} 5"#,
    ] {
        assert!(metrics.contains(sample), "{sample} is not in {metrics}");
    }
}

#[test]
fn targets_of_a_list_that_fails_are_stale_since_its_last_success() {
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let config = format!(
        "scrape_configs:\n  - job_name: node\n    file_sd_configs: [{{files: ['{}/*.json'], refresh_interval: 1s}}]\n",
        folder.text("sd")
    );
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config));
    wait_for_counts(&headcount, "node", json!([1, 0, 0, 0]));
    assert_eq!(
        data(&headcount, "/api/v1/targets").unwrap()["activeTargets"][0]["stale"],
        Value::Null
    );
    folder.write("sd/a.json", "[{");
    until("the target is stale", || {
        let told = data(&headcount, "/api/v1/targets?state=stale")?;
        let stale = &told["activeTargets"][0]["stale"];
        let error = stale["error"].as_str().ok_or("it is not")?;
        assert!(error.contains("a.json"), "{error}");
        assert!(stale["since"].as_f64().is_some_and(|since| since > 1e9), "{stale}");
        Ok(())
    });
    folder.write("sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    until("it is stale no longer", || {
        match &data(&headcount, "/api/v1/targets?state=stale")?["activeTargets"] {
            list if *list == json!([]) => Ok(()),
            list => Err(list.to_string()),
        }
    });
}

#[test]
fn jobs_are_told_again_only_after_a_change_of_targets() {
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["a:1"], "labels": {"rack": "1"}}]"#);
    let config = format!(
        "scrape_configs:\n  - job_name: node\n    file_sd_configs: [{{files: ['{}/*.json']}}]\n",
        folder.text("sd")
    );
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config));
    wait_for_counts(&headcount, "node", json!([1, 0, 0, 0]));
    let tag = until("nothing changes any more", || {
        let answer = headcount.get("/api/v1/scrape_pools")?;
        let tag = answer.header("etag").expect("a tag");
        match headcount.get_unless("/api/v1/scrape_pools", tag)?.status {
            304 => Ok(tag.to_owned()),
            status => Err(status.to_string()),
        }
    });
    // Another label, and the same numbers.
    folder.write("sd/a.json", r#"[{"targets": ["a:1"], "labels": {"rack": "2"}}]"#);
    until("there is another tag", || {
        match headcount.get_unless("/api/v1/scrape_pools", &tag)?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    let labels = &data(&headcount, "/api/v1/targets").unwrap()["activeTargets"][0]["labels"];
    assert_eq!(labels["rack"], "2");
}

/// One group with more targets than anybody has: they are counted, told page by page, and
/// nobody who asks for something else waits for them.
#[test]
fn a_million_targets_in_one_group_hold_up_nobody() {
    const HOSTS: usize = 1_000_000;
    let folder = Folder::new();
    let mut list = String::from("[{\"targets\": [");
    for host in 0..HOSTS {
        let comma = if host == 0 { "" } else { "," };
        list.push_str(&format!(
            "{comma}\"10.{}.{}.{}:1\"",
            host >> 16,
            (host >> 8) & 255,
            host & 255
        ));
    }
    list.push_str("], \"labels\": {\"rack\": \"1\"}}]");
    folder.write("sd/a.json", list);
    let config = format!(
        "scrape_configs:\n  - job_name: huge\n    file_sd_configs: [{{files: ['{}/*.json']}}]\n    \
         relabel_configs: [{{source_labels: [rack], target_label: r}}]\n  \
         - job_name: small\n    static_configs: [{{targets: ['s:1']}}]\n",
        folder.text("sd")
    );
    let headcount = Headcount::with_config(&folder, &folder.write("prometheus.yml", config));
    let (mut asked, mut longest) = (0, std::time::Duration::ZERO);
    until("the targets are there", || {
        for path in ["/-/healthy", "/api/v1/targets?scrapePool=small&limit=1", "/metrics"] {
            let begun = Instant::now();
            assert_eq!(headcount.get(path)?.status, 200);
            (asked, longest) = (asked + 1, longest.max(begun.elapsed()));
        }
        match &data(&headcount, "/api/v1/scrape_pools")?["pools"][0]["active"] {
            active if *active == json!(HOSTS) => Ok(()),
            active => Err(active.to_string()),
        }
    });
    println!("while {HOSTS} targets were worked out, {asked} answers took {longest:?} at most");
    let page = data(&headcount, "/api/v1/targets?scrapePool=huge&limit=3").unwrap();
    assert_eq!(page["activeTargets"].as_array().map(Vec::len), Some(3));
    assert!(page["nextToken"].is_string());
    let chosen = data(&headcount, "/api/v1/targets?search=10.0.1.7:1&limit=1&state=active").unwrap();
    assert_eq!(chosen["activeTargets"][0]["labels"]["instance"], "10.0.1.7:1");
}
