//! What axe, which knows what keeps people from using a page, finds on it.

use serde_json::json;

use super::{RULES, node_job, type_rules};
use crate::support::required::file_by_chance;
use crate::support::{Browser, Folder, Headcount};

/// Every view, with what there is to be seen in it: nothing that keeps anybody from using it, by axe's rules.
#[test]
fn axe_finds_nothing_on_any_view_light_or_dark() {
    require!("chromium");
    let Some(axe) = file_by_chance("/usr/local/lib/headcount-axe/axe.min.js") else {
        return;
    };
    let folder = Folder::new();
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["127.0.0.11:1", "127.0.0.11:1", "127.0.0.12:1", "http://127.0.0.13/"], "labels": {"env": "prod"}}, {"targets": ["127.0.0.14:1"]}]"#,
    );
    let jobs = node_job(RULES)
        + "  - job_name: lost\n    http_sd_configs: [{url: 'http://127.0.0.1:1/list', refresh_interval: 1s}]\n"
        + "  - {job_name: limited, target_limit: 1, static_configs: [{targets: ['127.0.0.1:1', '127.0.0.16:1']}]}\n";
    let config = format!("scrape_configs:\n{}", jobs.replace("SD", &folder.text("sd")));
    let config = folder.write("prometheus.yml", config);
    let options = [
        "--scrape",
        "--max-drop",
        "30%",
        "--config",
        config.to_str().expect("UTF-8"),
    ];
    let headcount = Headcount::start(&folder, &options);
    headcount.wait_for_failure("http", &[]);
    let browser = Browser::start(&folder);
    let origin = format!("http://{}/", headcount.address());
    browser.open(&origin);
    browser.wait_for(&["3 jobs", "limited has 2 targets"]);
    // Two of four go, and are held.
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["127.0.0.11:1", "http://127.0.0.13/"], "labels": {"env": "prod"}}]"#,
    );
    browser.wait_for(&["of node at once"]);
    browser.evaluate(&format!("{axe};null"));
    let check = |what: &str| {
        let found = browser.evaluate(
            "axe.run().then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes[0].html} (${nodes[0].failureSummary})`))",
        );
        assert_eq!(found, json!([]), "{what}");
    };
    let views: [(&str, &[&str]); 14] = [
        ("", &["3 jobs"]),
        ("providers", &["3 providers", "Let what is held go"]),
        ("providers?provider=file/0&manager=scrape", &["Provider file/0"]),
        ("providers?provider=no/1", &["There is no such provider"]),
        ("targets", &["Duplicate", "Invalid"]),
        ("targets?state=down", &["Down"]),
        ("targets?q=nobody", &["No such target"]),
        ("targets?q=%7Benv", &["expected ="]),
        ("history", &["appeared"]),
        ("history?host=127.0.0.11:1", &["127.0.0.11:1 appeared"]),
        ("relabel", &["choose one"]),
        ("relabel?job=node", &["What it would do now"]),
        ("config", &["job_name: node"]),
        (
            "target?job=node&provider=file/0&source=x&address=gone:1",
            &["The target is not there"],
        ),
    ];
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for (view, texts) in views {
            browser.open(&format!("{origin}#/{view}"));
            browser.wait_for(texts);
            check(&format!("{view}, {scheme}"));
        }
        for state in ["active", "dropped", "invalid"] {
            browser.open(&format!("{origin}#/targets?job=node&state={state}"));
            browser.wait_for(&["target"]);
            browser.click(".row .address");
            browser.wait_for(&["Discovered labels", "Relabelling"]);
            check(&format!("a target, {state}, {scheme}"));
        }
        browser.open(&format!("{origin}#/relabel?job=node"));
        type_rules(&browser, "- {source_labels: [env], action: drop, regex: prod}");
        browser.wait_for(&["Would stop"]);
        browser.click(".why");
        browser.wait_for(&["Hide"]);
        check(&format!("steps of rules that are tried, {scheme}"));
        type_rules(&browser, "- {action: keeep}");
        browser.wait_for(&["line 1, column"]);
        check(&format!("rules that are wrong, {scheme}"));
    }
}
