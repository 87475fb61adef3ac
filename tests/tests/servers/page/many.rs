//! The page with many targets and jobs: what is asked, read and drawn stays small.

use serde_json::json;

use super::{RULES, node_job, opened};
use crate::support::Folder;
use crate::support::required::is_long;

/// Searching, scrolling and filtering touch a page of targets at a time.
#[test]
fn a_host_is_found_among_a_hundred_thousand() {
    require!("chromium");
    const FILES: usize = 50;
    const HOSTS: usize = 2_000;
    let folder = Folder::new();
    for file in 0..FILES {
        let hosts: Vec<_> = (0..HOSTS)
            .map(|host| format!("host-{file:02}-{host:04}.example:9100"))
            .collect();
        let env = if file % 4 == 0 { "test" } else { "prod" };
        folder.write(
            &format!("sd/{file:02}.json"),
            json!([{"targets": hosts, "labels": {"env": env}}]).to_string(),
        );
    }
    let (_headcount, browser, origin) = opened(&folder, &node_job(RULES));
    browser.wait_for(&["74,000", "26,000"]);
    // From the keyboard alone.
    browser.type_text("/");
    browser.wait_until("document.activeElement.id === 'search'");
    browser.type_text("host-37-1234");
    browser.wait_for(&["1 target matches.", "host-37-1234.example:9100"]);
    browser.press("ArrowDown");
    browser.wait_until("document.activeElement.classList.contains('address')");
    browser.evaluate("document.activeElement.click()");
    browser.wait_for(&["http://host-37-1234.example:9100/metrics", "Relabelling"]);
    browser.evaluate("history.back()");
    browser.wait_for(&["1 target matches."]);

    browser.open(&format!("{origin}#/targets?q=no-such-host"));
    browser.wait_for(&["No such target: nobody discovered it."]);
    browser.open(&format!("{origin}#/targets?q=%7Benv%3D%22test%22%7D&state=dropped"));
    browser.wait_for(&["The first 100 of 26,000 targets that match.", "because of \"test\""]);

    browser.open(&format!("{origin}#/targets"));
    browser.wait_for(&["The first 100 of 100,000 targets."]);
    let rows = "document.querySelectorAll('.row').length";
    for more in [200, 300] {
        browser.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
        browser.wait_until(&format!("{rows} >= {more}"));
    }
    let different = "new Set([...document.querySelectorAll('.row .address')].map((link) => link.href)).size";
    assert_eq!(
        browser.evaluate(different),
        browser.evaluate(rows),
        "no target is shown twice"
    );
    let took = browser.evaluate(
        "Promise.resolve(performance.now()).then(async (begun) => {
            await (await fetch('api/v1/targets?search=host-49-1999&limit=100')).json();
            return performance.now() - begun;
        })",
    );
    println!("a search among {} targets took {took} ms", FILES * HOSTS);
    let tried = browser.evaluate(
        "fetch('api/v1/relabel/try?scrapePool=node', {method: 'POST', body: '- {source_labels: [env], regex: test, action: keep}'})
            .then(async (answer) => (await answer.json()).data)",
    );
    println!("trying other rules on them took {} s", tried["seconds"]);
    let counted = [
        &tried["effects"]["started"],
        &tried["effects"]["stopped"],
        &tried["nextOffset"],
    ];
    assert_eq!(counted, [&json!(26_000), &json!(74_000), &json!(100)]);
    assert_eq!(tried["targets"].as_array().map(Vec::len), Some(100), "a page of them");
    browser.assert_content(&origin);

    // What is wrong with a question is said, also to who only hears it.
    browser.open(&format!("{origin}#/targets?q=%7Benv"));
    browser.wait_for(&["expected =, !=, =~ or !~ at byte 4"]);
    assert_eq!(
        browser.evaluate("document.querySelector('.said').getAttribute('role')"),
        json!("status")
    );
    browser.open(&format!("{origin}#/targets?q=host-12-0001"));
    browser.wait_for(&["1 target matches."]);
}

/// What is drawn, again and again, does not grow with the configuration. How long it takes is printed in the long mode.
#[test]
fn of_seven_hundred_jobs_a_hundred_are_drawn_at_once() {
    require!("chromium");
    let folder = Folder::new();
    let jobs: String = (0..700)
        .map(|job| format!("  - {{job_name: job-{job:03}, static_configs: [{{targets: ['h{job}:1']}}]}}\n"))
        .collect();
    let (_headcount, browser, origin) = opened(&folder, &jobs);
    browser.wait_for(&["700 jobs", "The first 100 of 700 jobs."]);
    let count = |selector: &str| browser.evaluate(&format!("document.querySelectorAll('{selector}').length"));
    assert_eq!(count(".jobs tbody tr"), json!(100));
    let nodes = count("*").as_u64().expect("a number");
    assert!(nodes < 4_000, "{nodes} elements");
    browser.click("button.more");
    browser.wait_until("document.querySelectorAll('.jobs tbody tr').length === 200");
    browser.evaluate("(() => { const field = document.querySelector('.heading input'); field.value = 'job-69'; field.dispatchEvent(new Event('input', {bubbles: true})); })()");
    browser.wait_until("document.querySelectorAll('.jobs tbody tr').length === 10");
    browser.open(&format!("{origin}#/providers"));
    browser.wait_for(&["The first 50 of 700 providers."]);
    assert_eq!(count(".provider"), json!(50));
    browser.assert_content(&origin);
}

/// First paint, searches and long tasks with 700 jobs and 100,000 targets. Nothing depends on the figures: they are the
/// machine's as much as the page's.
#[test]
fn how_fast_the_page_is() {
    require!("chromium");
    if !is_long("measuring the page with 100,000 targets") {
        return;
    }
    let folder = Folder::new();
    let mut jobs = String::new();
    for job in 0..700 {
        let hosts: Vec<_> = (0..143)
            .map(|host| format!("host-{job:03}-{host:03}.example:9100"))
            .collect();
        let name = format!("sd/{job:03}.json");
        folder.write(
            &name,
            json!([{"targets": hosts, "labels": {"env": "prod"}}]).to_string(),
        );
        jobs +=
            &format!("  - job_name: job-{job:03}\n    file_sd_configs: [{{files: ['SD/{job:03}.json']}}]\n{RULES}\n");
    }
    let (_headcount, browser, origin) = opened(&folder, &jobs);
    browser.wait_for(&["100,100"]);
    browser.open("about:blank");
    browser.open(&origin);
    browser.wait_for(&["700 jobs", "The first 100 of 700 jobs."]);
    browser.evaluate(
        "window.tasks = []; new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({duration}) => duration)))
            .observe({type: 'longtask', buffered: true})",
    );
    let paint = browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime");
    println!("first paint after {paint} ms");
    for query in ["host-437", "host-699-100", "{host=~\"host-1.*\"}", "nobody"] {
        let took = browser.evaluate(&format!(
            "new Promise((done) => {{
                const search = document.getElementById('search');
                const before = document.querySelector('.said')?.innerText;
                const begun = performance.now();
                search.value = {};
                search.dispatchEvent(new Event('input', {{bubbles: true}}));
                const look = () => {{
                    const said = document.querySelector('.said')?.innerText;
                    if (said !== before && /match|No such/.test(said)) done(performance.now() - begun);
                    else requestAnimationFrame(look);
                }};
                look();
            }})",
            json!(query)
        ));
        println!("searching {query} took {took} ms, from the key to the screen");
    }
    for view in ["providers", "history", "config", "targets", "relabel?job=job-001", ""] {
        browser.open(&format!("{origin}#/{view}"));
        browser.wait_for(&[""]);
        browser.wait_until("!document.querySelector('main')?.innerText.includes('Asking headcount…')");
    }
    let longest = browser.evaluate("Math.max(0, ...window.tasks)");
    println!("the longest task took {longest} ms (below 50 ms none is counted)");
    browser.assert_content(&origin);
}
