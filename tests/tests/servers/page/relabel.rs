//! Rules that are tried on the page.

use serde_json::json;

use super::{RULES, node_job, opened, type_rules};
use crate::support::Folder;

#[test]
fn other_rules_are_tried_and_change_nothing() {
    require!("chromium");
    let folder = Folder::new();
    folder.write(
        "sd/a.json",
        r#"[{"targets": ["old-a:1", "b:1"], "labels": {"env": "prod"}}, {"targets": ["test-a:1"], "labels": {"env": "<b>test"}}]"#,
    );
    let (headcount, browser, origin) = opened(&folder, &node_job(RULES));
    browser.open(&format!("{origin}#/targets?job=node"));
    browser.wait_for(&["3 targets."]);
    let scraped = headcount.text("/sd/node?relabelled=true");
    browser.click(r##"main a[href="#/relabel?job=node"]"##);
    browser.wait_for(&["What it would do now", "3 rules;", "No target would be another."]);
    let written = browser.evaluate("document.getElementById('rules').value");
    let written = written.as_str().expect("text");
    assert!(
        written.starts_with("- source_labels: [env]\n  regex: prod\n  action: keep\n"),
        "{written}"
    );

    type_rules(
        &browser,
        "- {source_labels: [env], regex: '.*test', action: keep}\n- {target_label: x, replacement: y}",
    );
    browser.wait_for(&["Would start 1", "Would stop 2", "2 rules;", "because of \"prod\""]);
    browser.wait_until("[...document.querySelector('.counts tbody tr').cells].map((cell) => cell.innerText).join() === 'Active,2,1,−1'");
    browser.click(r#"[aria-label="Steps of old-a:1"]"#);
    browser.wait_for(&["The target was dropped here.", "Not reached."]);
    browser.click(r##"a[href="#/relabel?job=node&effect=started"]"##);
    browser.wait_until(
        "[...document.querySelectorAll('.trial .address')].map((it) => it.innerText).join() === 'test-a:1'",
    );

    // A letter that is a command elsewhere is one here.
    browser.evaluate("document.getElementById('rules').focus()");
    browser.type_text("/");
    browser.wait_until("document.activeElement.id === 'rules'");
    type_rules(&browser, "- {source_labels: [env], action: keeep}");
    browser.wait_for(&["line 1, column 34", "[0].action", "\"keeep\" is not known"]);
    browser.click(".place");
    browser.wait_until("document.activeElement.id === 'rules' && document.activeElement.selectionStart === 33");

    let mine = "- {source_labels: [env], target_label: environment}";
    type_rules(&browser, mine);
    browser.wait_until("!document.querySelector('.mistakes')");
    browser.evaluate("Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text; }}})");
    browser.click("button.copy");
    browser.wait_for(&["Copied."]);
    assert_eq!(browser.evaluate("window.copied"), json!(mine));
    browser.click("button.reset");
    browser.wait_until(&format!(
        "document.getElementById('rules').value === {}",
        json!(written)
    ));
    assert_eq!(headcount.text("/sd/node?relabelled=true"), scraped, "nothing changed");
    // The daemon refused one, which the browser notes by itself.
    browser.forgive("400 (Bad Request)");
    browser.assert_content(&origin);
}
