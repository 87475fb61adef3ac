//! The page, in a real browser: what it shows, how it is used, and that nothing hostile gets
//! through it.
//!
//! * `relabel`: a place to try rules. `views`: history, configuration, one provider. `axe`: for whom it is hard to use.
//! * `many`: with as many targets and jobs as there can be.

mod axe;
mod many;
mod relabel;
mod views;

use serde_json::json;

use crate::support::{Browser, Folder, Headcount, until};

const RULES: &str = "
    relabel_configs:
    - {source_labels: [env], regex: prod, action: keep}
    - {source_labels: [__address__], regex: '([^:]+):.*', target_label: host}
    - {source_labels: [host], regex: 'old-(.*)', target_label: host}
";

/// A daemon with these jobs over the folder `sd`, and a browser that shows it.
fn opened(folder: &Folder, jobs: &str) -> (Headcount, Browser, String) {
    let config = format!("scrape_configs:\n{}", jobs.replace("SD", &folder.text("sd")));
    let headcount = Headcount::with_config(folder, &folder.write("prometheus.yml", config));
    let browser = Browser::start(folder);
    let origin = format!("http://{}/", headcount.address());
    browser.open(&origin);
    (headcount, browser, origin)
}

fn node_job(rules: &str) -> String {
    format!("  - job_name: node\n    file_sd_configs: [{{files: ['SD/*.json']}}]\n{rules}")
}

/// What is typed in the field for rules.
fn type_rules(browser: &Browser, rules: &str) {
    browser.wait_until("document.getElementById('rules') !== null");
    let typed = "field.value = TEXT; field.dispatchEvent(new Event('input', {bubbles: true}))"
        .replace("TEXT", &json!(rules).to_string());
    browser.evaluate(&format!(
        "(() => {{ const field = document.getElementById('rules'); {typed} }})()"
    ));
}

#[test]
fn a_job_whose_rules_look_at_what_a_reader_overwrites_is_named_once_it_is_read() {
    require!("chromium");
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let rules = "    relabel_configs: [{source_labels: [__meta_url], target_label: url}]\n";
    let (headcount, browser, _origin) = opened(&folder, &node_job(rules));
    browser.wait_for(&["1 job", "nothing is wrong with any"]);
    until("the list is read", || match headcount.get("/sd/node")?.status {
        200 => Ok(()),
        status => Err(format!("status {status}")),
    });
    browser.wait_for(&["node is read by a Prometheus that overwrites __meta_url, which its rule [0] looks at"]);
}

#[test]
fn jobs_providers_and_problems_are_shown() {
    require!("chromium");
    let folder = Folder::new();
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["a:1", "b:1", "http://c/"], "labels": {"env": "prod"}}, {"targets": ["d:1"]}]"#,
    );
    let jobs = node_job(RULES)
        + "  - job_name: lost\n    http_sd_configs: [{url: 'http://127.0.0.1:1/list', refresh_interval: 1s}]\n"
        + "  - job_name: fixed\n    static_configs: [{targets: ['f:1']}]\n";
    let (_headcount, browser, origin) = opened(&folder, &jobs);
    browser.wait_for(&[
        "Live",
        "3 jobs",
        "node",
        "lost",
        "fixed",
        "http/1 fails",
        "127.0.0.1:1/list",
        "waits for http/1 (fails)",
    ]);
    browser.wait_for(&["node has 1 target that can't be scraped"]);
    // B12: what happened is told, too.
    browser.wait_for(&["What happened last", "the configuration was applied", "http/1: fails: "]);
    let row = r#"[...document.querySelectorAll(".jobs tbody tr")].find((row) => row.cells[0].innerText === "node")"#;
    browser.wait_until(&format!(
        r#"[...{row}.cells].slice(1, 6).map((cell) => cell.innerText).join() === "2,1,0,1,0""#
    ));
    browser.click(r##"a[href="#/targets?job=node&state=invalid"]"##);
    browser.wait_for(&["Targets of node", "http://c/", "the target's __address__ holds a `/`"]);
    browser.click(r##"a[href="#/providers"]"##);
    browser.wait_for(&[
        "3 providers",
        "Failing",
        "Connection refused",
        "Last success",
        "never",
        "For lost",
    ]);
    // An age counts up.
    let age = r#"document.querySelector(".provider time").innerText"#;
    let before = browser.evaluate(age);
    browser.wait_until(&format!("{age} !== {before}"));
    assert_eq!(
        browser.evaluate("document.querySelector('nav [aria-current]').innerText"),
        json!("Providers")
    );
    browser.assert_content(&origin);
}

#[test]
fn a_target_says_what_each_rule_made_of_it() {
    require!("chromium");
    let folder = Folder::new();
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["old-a:1"], "labels": {"env": "prod"}}, {"targets": ["test-a:1"], "labels": {"env": "test"}}]"#,
    );
    folder.write(
        "sd/b.json",
        r#"[{"targets": ["old-a:1"], "labels": {"env": "prod", "__meta_copy": "1"}}]"#,
    );
    let (_headcount, browser, origin) = opened(&folder, &node_job(RULES));
    browser.open(&format!("{origin}#/targets?state=dropped"));
    browser.wait_for(&["test-a:1", "relabel_configs[0] (keep) dropped it because of \"test\""]);
    browser.click(".row .address");
    browser.wait_for(&[
        "Dropped by rule relabel_configs[0] (keep), which looked at test",
        "The target was dropped here.",
        "Not reached.",
    ]);
    let shared = browser.evaluate("location.href");

    browser.open(&format!("{origin}#/targets?state=active"));
    browser.wait_for(&["old-a:1", "1 target."]);
    browser.click(".row .address");
    browser.wait_for(&["Active", "http://old-a:1/metrics", "Kept the target.", "Final labels"]);
    let step = |number: usize| browser.evaluate(&format!("document.querySelectorAll('.step')[{number}].innerText"));
    let replaced = step(2);
    for part in ["replace", "[host]", "old-(.*)", "changed", "host", "old-a → a"] {
        assert!(
            replaced.as_str().is_some_and(|text| text.contains(part)),
            "{part}: {replaced}"
        );
    }
    assert!(
        step(3).as_str().is_some_and(|text| text.contains("instance")),
        "{}",
        step(3)
    );

    browser.open(&format!("{origin}#/targets?state=duplicate"));
    browser.wait_for(&["it has the same labels in the end as \"old-a:1\""]);
    browser.click(".row .address");
    browser.wait_for(&["Duplicate", "The other: old-a:1"]);

    // A link leads there from outside.
    browser.open("about:blank");
    browser.open(shared.as_str().expect("an address"));
    browser.wait_for(&["test-a:1", "The target was dropped here."]);
    browser.assert_content(&origin);
}

/// Whatever discovery and configuration can put on the page is text there.
#[test]
fn hostile_labels_are_only_text() {
    require!("chromium");
    const SCRIPT: &str = "<script>document.title='taken'</script>";
    const IMAGE: &str = "\"'><img src=x onerror=\"document.title='taken'\">";
    let folder = Folder::new();
    let list = json!([
        {"targets": ["a:1"], "labels": {"script": SCRIPT, "image": IMAGE, "__scheme__": "javascript"}},
        {"targets": [SCRIPT], "labels": {"image": IMAGE}},
        {"targets": ["b:1"], "labels": {"drop": IMAGE}},
    ]);
    folder.write("sd/a.json", list.to_string());
    let jobs = "  - job_name: '<img src=x onerror=alert(1)>'\n    file_sd_configs: [{files: ['SD/*.json']}]\n    \
                relabel_configs: [{source_labels: [drop], regex: .+, action: drop}]\n  \
                - job_name: failing\n    file_sd_configs: [{files: ['SD/<b>*.yml']}]\n";
    folder.write("sd/<b>a.yml", "- [<script>");
    let (_headcount, browser, origin) = opened(&folder, jobs);
    browser.wait_for(&["<img src=x onerror=alert(1)>"]);
    browser.open(&format!("{origin}#/providers"));
    browser.wait_for(&["<b>"]);
    for query in ["a:1", "%3Cscript%3E", "b:1"] {
        browser.open(&format!("{origin}#/targets?q={query}"));
        browser.wait_for(&["<img src=x onerror="]);
        browser.wait_until("document.querySelectorAll('.row').length > 0");
        browser.click(".row .address");
        browser.wait_for(&["Discovered labels", IMAGE, "Relabelling"]);
        let links = "[...document.links].every((link) => link.protocol === 'http:')";
        assert_eq!(browser.evaluate(links), json!(true));
        let made = "document.querySelectorAll('main img, main script, main b:not(.rule b, .fate b)').length";
        assert_eq!(browser.evaluate(made), json!(0));
        assert_ne!(browser.evaluate("document.title"), json!("taken"));
    }
    // Even if the page tried, the browser would not let it.
    let refused = "try { document.body.innerHTML = '<b>x</b>'; false } catch (error) { error instanceof TypeError }";
    assert_eq!(browser.evaluate(refused), json!(true));
}

/// A page of another site, which is also one whose name points to headcount for a moment (DNS rebinding).
#[test]
fn pages_of_others_change_nothing_and_read_nothing() {
    require!("chromium");
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["a:1"]}]"#);
    let (headcount, browser, origin) = opened(&folder, &node_job(""));
    browser.wait_for(&["Live"]);
    let reload = "fetch('/-/reload', {method: 'POST'}).then((answer) => answer.status)";
    assert_eq!(browser.evaluate(reload), json!(200), "its own page may");
    let reloads = || headcount.log().matches("the configuration was reloaded").count();
    let before = reloads();

    browser.open(&format!("http://evil.example:{}/config", headcount.address().port()));
    browser.wait_for(&["refused", "allowed_hosts"]);
    assert_eq!(browser.evaluate(reload), json!(403), "as its own origin");
    let blind = format!("fetch('{origin}-/reload', {{method: 'POST', mode: 'no-cors'}}).then((answer) => answer.type)");
    assert_eq!(browser.evaluate(&blind), json!("opaque"), "it is sent, and refused");
    let read = format!("fetch('{origin}sd/node').then(() => 'read', () => 'kept')");
    assert_eq!(browser.evaluate(&read), json!("kept"));
    assert_eq!(reloads(), before);
    assert!(before > 0);
}

/// An address that would turn the letters after it around is seen as it is.
#[test]
fn letters_that_are_not_seen_are_shown() {
    require!("chromium");
    let folder = Folder::new();
    let list = json!([{"targets": ["a\u{202e}b:1"], "labels": {"rack": "x\u{200b}y\u{1b}"}}]);
    folder.write("sd/a.json", list.to_string());
    let (_headcount, browser, origin) = opened(&folder, &node_job(""));
    browser.open(&format!("{origin}#/targets"));
    browser.wait_for(&[r"a\u202eb:1"]);
    browser.click(".row .address");
    browser.wait_for(&[r"x\u200by\u001b", "Final labels"]);
    let hidden = r"/[\p{Cf}\u001b]/u.test(document.body.innerText + document.title)";
    assert_eq!(browser.evaluate(hidden), json!(false));
}

#[test]
fn a_change_shows_up_by_itself_and_leaves_the_reader_alone() {
    require!("chromium");
    let folder = Folder::new();
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["a:1", "c:1"], "labels": {"rack": "first"}}]"#,
    );
    let (_headcount, browser, origin) = opened(&folder, &node_job(""));
    browser.open(&format!("{origin}#/targets"));
    browser.wait_for(&["c:1", "2 targets."]);
    browser.evaluate("window.before = document.querySelectorAll('.row')[1]; before.querySelector('a').focus()");
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["a:1", "b:1", "c:1"], "labels": {"rack": "first"}}]"#,
    );
    browser.wait_for(&["b:1", "3 targets."]);
    let kept = "before === document.querySelectorAll('.row')[2] && before.contains(document.activeElement)";
    assert_eq!(browser.evaluate(kept), json!(true), "the row and its focus stay");

    browser.click(".row .address");
    browser.wait_for(&["a:1", "Final labels", "first"]);
    folder.write("sd/a.json", r#"[{"targets": ["a:1"], "labels": {"rack": "second"}}]"#);
    browser.wait_for(&["second"]);
    folder.write("sd/a.json", r#"[{"targets": ["c:1"]}]"#);
    browser.wait_for(&["The target is not there any more; this is what it was."]);
    browser.wait_for(&["It was there until", "It is gone because file/0 no longer found it."]);
    browser.click(r##"main a[href^="#/history?host=a"]"##);
    browser.wait_for(&["History", "a:1 appeared", "complete since"]);
    browser.wait_until("document.querySelector('main input').value === 'a:1'");
    browser.open(&format!("{origin}#/targets?q=a:1"));
    browser.wait_for(&["No such target: nobody discovered it. It was there until"]);
    browser.open(&format!("{origin}#/targets?q=nobody"));
    browser.wait_for(&["It was not there since", "nothing before is known."]);
    browser.assert_content(&origin);
}

#[test]
fn whether_targets_are_there_is_shown_where_they_are_scraped() {
    require!("chromium");
    let folder = Folder::new();
    let config = "scrape_configs:\n  - job_name: gone\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    \
                  static_configs: [{targets: ['127.0.0.1:1']}]\n";
    let config = folder.write("prometheus.yml", config);
    let headcount = Headcount::start(&folder, &["--scrape", "--config", config.to_str().expect("UTF-8")]);
    let browser = Browser::start(&folder);
    let origin = format!("http://{}/", headcount.address());
    browser.open(&format!("{origin}#/targets"));
    browser.wait_for(&["Active", "Down", "127.0.0.1:1", "refused"]);
    browser.click(".row .address");
    browser.wait_for(&[
        "The last scrape failed",
        "refused",
        "Last scrape",
        "0 samples in 0 bytes",
    ]);
    browser.click(r##"nav a[href="#/targets"]"##);
    browser.click(r##"a[href="#/targets?state=down"]"##);
    browser.wait_for(&["1 target.", "refused"]);
    browser.assert_content(&origin);
}

/// B05: what is held is shown for the provider and for each target.
#[test]
fn what_is_held_is_shown() {
    require!("chromium");
    let folder = Folder::new();
    folder.write("sd/a.json", r#"[{"targets": ["a:1", "b:1", "c:1"]}]"#);
    let config = format!("scrape_configs:\n{}", node_job("").replace("SD", &folder.text("sd")));
    let config = folder.write("prometheus.yml", config);
    let options = ["--max-drop", "30%", "--config", config.to_str().expect("UTF-8")];
    let headcount = Headcount::start(&folder, &options);
    let browser = Browser::start(&folder);
    let origin = format!("http://{}/", headcount.address());
    browser.open(&format!("{origin}#/targets"));
    browser.wait_for(&["b:1", "3 targets."]);
    // One comes for two that go.
    folder.write("sd/a.json", r#"[{"targets": ["a:1", "new:1"]}]"#);
    browser.wait_for(&["new:1", "4 targets.", "Held"]);
    browser.open(&format!("{origin}#/targets?state=held"));
    browser.wait_for(&["2 targets.", "b:1"]);
    // A hold is shown by itself, also one that changes no list.
    folder.write("sd/a.json", r#"[{"targets": ["new:1"]}]"#);
    browser.wait_for(&["3 targets.", "a:1"]);
    browser.click(".row .address");
    browser.wait_for(&["Held: its provider lost it"]);
    browser.open(&format!("{origin}#/providers"));
    browser.wait_for(&["3 targets of 3 of node went", "which is over in "]);
    browser.open(&format!("{origin}#/"));
    browser.wait_for(&["file/0 lost 3 targets of 3 of node at once", "counts in "]);
    browser.open(&format!("{origin}#/providers"));
    browser.wait_for(&["Ask it now"]);
    browser.click("button.refresh");
    browser.wait_for(&["answered: 4 targets"]);
    browser.click("button.confirm");
    browser.wait_for(&["3 targets let go"]);
    browser.wait_until("!document.querySelector('button.confirm')");
    browser.assert_content(&origin);
}
