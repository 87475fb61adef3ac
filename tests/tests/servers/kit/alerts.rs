//! `kit/prometheus`: alerts that are raised when they should be, of metrics that there are, with commands that there are.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::support::headcount_binary;
use crate::support::required::is_installed_by_chance;

const RULES: &str = "prometheus/headcount.rules.yml";
const TESTS: &str = "prometheus/headcount.rules.test.yml";

/// The rules, each an alert.
fn rules() -> Vec<Value> {
    let groups = yaml(RULES)["groups"].take();
    let groups = groups.as_array().expect("groups").iter();
    groups
        .flat_map(|group| group["rules"].as_array().expect("rules").clone())
        .collect()
}

fn field<'a>(rule: &'a Value, name: &str) -> &'a str {
    rule[name].as_str().unwrap_or_else(|| panic!("{name} of {rule}"))
}

#[test]
fn alerts_are_raised_when_they_should_be() {
    require!("promtool", "promtool-2.53");
    let newest = is_installed_by_chance("promtool-3").then_some("promtool-3");
    for program in ["promtool", "promtool-2.53"].into_iter().chain(newest) {
        promtool(program, &["test", "rules", path(TESTS).to_str().unwrap()]);
    }
}

#[test]
fn each_alert_is_tested_both_ways() {
    let tests = yaml(TESTS);
    let tests = tests["tests"].as_array().unwrap().iter();
    let cases = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let mut tested: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
    for case in cases {
        let raised = case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        tested.entry(field(case, "alertname")).or_default()[usize::from(raised)] = true;
    }
    let rules = rules();
    assert!(rules.len() > 10);
    for rule in &rules {
        let alert = field(rule, "alert");
        assert_eq!(
            tested.get(alert),
            Some(&[true, true]),
            "{alert}: not raised, and raised"
        );
    }
}

#[test]
fn alerts_name_what_is_served() {
    let served = Served::by_a_daemon();
    for rule in rules() {
        let alert = field(&rule, "alert");
        let labels = served.check(alert, field(&rule, "expr"));
        let annotations = rule["annotations"].as_object().expect("annotations");
        for text in annotations.values().map(|text| text.as_str().unwrap()) {
            for label in text.split("$labels.").skip(1) {
                let label = label.split([' ', '}']).next().unwrap_or_default();
                assert!(labels.contains(label), "{alert}: no metric of it has the label {label}");
            }
        }
        assert!(
            ["warning", "critical"].contains(&field(&rule["labels"], "severity")),
            "{alert}"
        );
    }
}

#[test]
fn alerts_name_commands_that_there_are() {
    for rule in rules() {
        let alert = field(&rule, "alert");
        let description = field(&rule["annotations"], "description");
        let quoted = description.split('`').skip(1).step_by(2);
        let commands: Vec<_> = quoted.filter_map(|text| text.strip_prefix("headcount ")).collect();
        assert!(!commands.is_empty(), "{alert} names no command");
        for command in commands {
            check_command(alert, headcount_binary(), command);
        }
    }
}

/// With `--help` at its end a command says what it does if all that stands before is what it takes.
fn check_command(alert: &str, binary: &Path, command: &str) {
    // What is put in later has no spaces in it.
    let filled = command.replace("{{ ", "").replace(" }}", "");
    let output = Command::new(binary).args(filled.split(' ')).arg("--help").output();
    let output = output.expect("running headcount");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{alert}: headcount {command}: {said}");
}
