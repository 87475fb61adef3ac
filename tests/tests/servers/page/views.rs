//! Views of one thing: a provider, the configuration.

use serde_json::json;

use super::opened;
use crate::support::Folder;

/// `static/1` is no part of `static/10`.
#[test]
fn a_link_to_a_provider_leads_to_that_one_and_to_what_happened_to_it() {
    require!("chromium");
    let folder = Folder::new();
    let jobs: String = (0..12)
        .map(|job| format!("  - {{job_name: job-{job}, static_configs: [{{targets: ['h{job}:1']}}]}}\n"))
        .collect();
    let (_headcount, browser, origin) = opened(&folder, &jobs);
    browser.open(&format!("{origin}#/targets?q=h1:1"));
    browser.wait_for(&["1 target matches."]);
    browser.click(".row .address");
    browser.click(r##"a[href="#/providers?provider=static%2F1&manager=scrape"]"##);
    browser.wait_for(&["Provider static/1", "For job-1"]);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('.provider').length"),
        json!(1)
    );
    browser.click(r##"a[href="#/history?provider=static%2F1"]"##);
    browser.wait_for(&["1 event;", "h1:1 appeared"]);
    browser.open(&format!("{origin}#/providers?provider=static/99"));
    browser.wait_for(&["There is no such provider any more."]);
    browser.assert_content(&origin);
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    require!("chromium");
    let folder = Folder::new();
    let jobs =
        "  - {job_name: a, basic_auth: {username: me, password: hunter2}, static_configs: [{targets: ['h:1']}]}\n";
    let (_headcount, browser, origin) = opened(&folder, jobs);
    browser.click(r##"nav a[href="#/config"]"##);
    browser.wait_for(&["job_name: a", "password: <secret>", "Save it"]);
    assert!(!browser.text().contains("hunter2"));
    browser.assert_content(&origin);
}
