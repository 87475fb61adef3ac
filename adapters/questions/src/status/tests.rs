use serde_json::{Value, json};

use super::*;
use crate::lookup::status::{Pool, Provider, Runtime};

fn runtime(changes: Value) -> Runtime {
    let mut runtime = json!({
        "version": "0.1.0", "startTime": "2026-03-01T08:00:00Z", "uptime": 11_525.0, "reloadConfigSuccess": true,
        "lastConfigTime": "2026-03-01T08:00:00Z", "waitingFor": [], "residentMemoryBytes": 432_013_312.0,
        "memoryBytes": {"groups": 84_000_000, "targets": 63_000_000, "lists": 125_829_120, "history": 1_200, "queue": 0},
    });
    merge(&mut runtime, changes);
    serde_json::from_value(runtime).expect("as the API answers")
}

fn pool(name: &str, active: usize, changes: Value) -> Pool {
    let mut pool = json!({
        "name": name, "complete": true, "served": true, "active": active, "dropped": 3, "duplicate": 0, "invalid": 0,
        "overLabelLimits": 0, "targetLimit": null, "exceedsTargetLimit": false,
    });
    merge(&mut pool, changes);
    serde_json::from_value(pool).expect("as the API answers")
}

fn provider(name: &str, jobs: &[&str], changes: Value) -> Provider {
    let kind = name.split('/').next().unwrap_or_default();
    let mut provider = json!({
        "manager": "scrape", "name": name, "kind": kind, "description": format!("{kind}.example"), "subscribers": jobs,
        "groups": 10, "targets": 100, "held": null,
        "churn": {"windowSeconds": 600.0, "groupsPerMinute": 0.0, "bytesPerMinute": 0.0, "changedGroups": 0,
            "changedBytes": 0, "size": 20_480},
        "health": {"state": "ok", "started": 1.0, "lastUpdate": 2.0, "lastUpdateAge": 12.0, "lastChange": 2.0,
            "lastChangeAge": 12.0, "lastError": null, "lastFailure": null, "lastFailureAge": null, "updates": 5,
            "unchanged": 4, "failures": 0, "refreshes": 5, "refreshSeconds": 0.25},
    });
    merge(&mut provider, changes);
    serde_json::from_value(provider).expect("as the API answers")
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes,
    }
}

const ALL: Options = Options {
    sort_by: SortBy::Churn,
    limit: None,
};

#[test]
fn all_is_well() {
    let noisy = json!({"churn": {"groupsPerMinute": 12.4, "bytesPerMinute": 40_960.0}});
    let report = Report::new(
        runtime(json!({})),
        vec![pool("db", 5, json!({})), pool("web", 95, json!({"duplicate": 2}))],
        vec![
            provider("file/2", &["db"], json!({})),
            provider("consul/10", &["web"], noisy),
        ],
    );
    assert!(report.is_well());
    insta::assert_snapshot!(report.text(ALL));
}

#[test]
fn what_is_wrong_comes_first_with_what_it_does_to_jobs() {
    let failing = json!({"health": {"state": "failing", "lastUpdateAge": 7_265.0, "failures": 12,
        "lastError": "connection refused"}});
    let never = json!({"groups": 0, "targets": 0, "health": {"state": "failing", "lastUpdateAge": null, "failures": 3,
        "refreshes": 0, "refreshSeconds": 0.0, "lastError": "no such host"}});
    let held =
        json!({"held": {"since": 1.0, "until": 2.0, "targets": 40, "before": 0, "came": 0, "of": 100, "set": "web"}});
    let partial = json!({"health": {"missing": "db.example (SERVFAIL)"}});
    let restored = json!({"health": {"state": "starting", "lastUpdateAge": null, "restoredAge": 95.0}});
    let starting = json!({"groups": 0, "targets": 0, "health": {"state": "starting", "lastUpdateAge": null}});
    let report = Report::new(
        runtime(json!({"reloadConfigSuccess": false, "notSaved": ["scrape"],
            "waitingFor": ["nomad/6 (nomad.example)", "the configuration to be applied"]})),
        vec![
            pool("big", 900, json!({"targetLimit": 500, "exceedsTargetLimit": true})),
            pool("db", 0, json!({"complete": false, "served": false, "dropped": 0})),
            pool(
                "half",
                10,
                json!({"complete": false, "failedConfigs": ["this build has no azure"]}),
            ),
            pool("web", 95, json!({})),
        ],
        vec![
            provider("file/2", &["big"], json!({})),
            provider("consul/0", &["web", "big", "half"], failing),
            provider("dns/1", &["db"], never),
            provider("http/3", &["web"], held),
            provider("dns/4", &["web"], partial),
            provider("ec2/5", &["big"], restored),
            provider("nomad/6", &["big"], starting),
            provider("dns/1", &["config-0"], json!({"manager": "notify"})),
        ],
    );
    assert!(!report.is_well());
    insta::assert_snapshot!(report.text(ALL));
}

#[test]
fn whose_targets_a_job_has_until_another_was_read_is_said() {
    let starting = json!({"groups": 0, "targets": 0, "health": {"state": "starting", "lastUpdateAge": null}});
    let report = Report::new(
        runtime(json!({})),
        vec![pool("web", 2, json!({"complete": false, "replaced": ["http/0"]}))],
        vec![provider("http/1", &["web"], starting)],
    );
    let text = report.text(ALL);
    let said = "job \"web\" is served with what http/0 had before a reload: it lacks http/1\n";
    assert!(text.contains(said), "{text}");
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let jobs = (0..30).map(|number| pool(&format!("job-{number:02}"), number, json!({})));
    let failing = json!({"health": {"state": "failing", "lastError": "no"}});
    let providers = (0..30).map(|number| {
        let changes = if number % 2 == 0 { json!({}) } else { failing.clone() };
        provider(&format!("dns/{number}"), &["job-01"], changes)
    });
    let report = Report::new(runtime(json!({})), jobs.collect(), providers.collect());
    let text = report.text(Options { limit: Some(5), ..ALL });
    let mores: Vec<_> = text.lines().filter(|line| line.starts_with('…')).collect();
    let expected = ["10 more lines", "25 more jobs", "25 more providers"];
    let expected = expected.map(|what| format!("… and {what}; --all shows them"));
    assert_eq!(mores, expected, "{text}");
    assert!(text.contains("job-01"), "the stale one comes first: {text}");
    assert_eq!(report.text(ALL).lines().filter(|line| line.starts_with('…')).count(), 0);
}

#[test]
fn providers_are_sorted_by_what_is_asked_for_and_by_name_as_people_count() {
    let number = |field: &str, value: f64| json!({"churn": {"size": 1}, "health": {field: value}});
    let providers = || {
        vec![
            provider("a/10", &["j"], number("lastUpdateAge", 5.0)),
            provider("a/9", &["j"], number("lastUpdateAge", 50.0)),
            provider("b/1", &["j"], number("refreshSeconds", 50.0)),
        ]
    };
    let order = |sort_by| {
        let report = Report::new(runtime(json!({})), Vec::new(), providers());
        let text = report.text(Options { sort_by, limit: None });
        let names = text.lines().filter_map(|line| line.split(' ').next());
        names.filter(|name| name.contains('/')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(SortBy::Name), "a/9 a/10 b/1");
    assert_eq!(order(SortBy::Age), "a/9 b/1 a/10");
    assert_eq!(order(SortBy::Time), "b/1 a/9 a/10");
}
