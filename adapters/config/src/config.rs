//! The whole configuration, and how its top level is read.

use std::path::PathBuf;

use headcount_core::relabel::RelabelRule;
use headcount_reader::{Cursor, Fields, Position, Problem, ProblemKind, ShownYaml, Surroundings, join};

use crate::section::Reading;
use crate::section::alertmanager::AlertmanagerConfig;
use crate::section::global::Global;
use crate::section::other;
use crate::section::relabel::{RelabelRules, Subject};
use crate::section::scrape::{self, JobNames, ScrapeConfig};
use crate::settings::Settings;

/// A whole configuration, checked, with defaults filled in and all paths absolute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `global`.
    pub global: Global,
    /// `scrape_configs`, then those of the files that `scrape_config_files` names, in order, then those of
    /// [`settings`](Self::settings).
    pub scrape_configs: Vec<ScrapeConfig>,
    /// `alerting.alert_relabel_configs`.
    pub alert_relabel_configs: Vec<RelabelRule>,
    /// `alerting.alertmanagers`. Prometheus calls their target sets `config-0`, `config-1`, ….
    pub alertmanagers: Vec<AlertmanagerConfig>,
    /// `scrape_config_files`: patterns.
    pub scrape_config_files: Vec<String>,
    /// What headcount's own file says, besides further jobs.
    pub settings: Settings,
    /// Every file that was read: the configuration itself, then what it includes, then headcount's own.
    pub files: Vec<PathBuf>,
    /// What is remarkable but not wrong.
    pub warnings: Vec<Problem>,
    /// The main file as it may be shown.
    pub redacted: ShownYaml,
}

/// What the main file says by itself.
#[derive(Debug, Default)]
pub(crate) struct TopLevel {
    pub(crate) global: Global,
    pub(crate) scrape_configs: Vec<ScrapeConfig>,
    pub(crate) alert_relabel_configs: Vec<RelabelRule>,
    pub(crate) alertmanagers: Vec<AlertmanagerConfig>,
    pub(crate) scrape_config_files: Vec<(String, Position)>,
}

/// Reads the main file's tree.
pub(crate) fn read(
    root: &Cursor<'_>,
    reading: Reading<'_>,
    surroundings: &dyn Surroundings,
    names: &mut JobNames,
) -> TopLevel {
    let mut top = TopLevel::default();
    let Some(mut fields) = root.fields() else {
        if !root.is_null() {
            names.note_unread();
        }
        return top;
    };
    let list = fields.take("scrape_configs").filter(|list| !list.is_null());
    let patterns = fields.take("scrape_config_files");
    let has_jobs = list.is_some() || patterns.is_some();
    if let Some(mut global) = fields.take_some("global").and_then(|global| global.fields()) {
        top.global = Global::read(&mut global, reading, surroundings, has_jobs);
        global.finish();
    }
    if let Some(list) = list {
        top.scrape_configs = scrape::read_all(&list, &top.global, reading, names);
    }
    if let Some(alerting) = fields.take_some("alerting").and_then(|alerting| alerting.fields()) {
        read_alerting(alerting, reading, &mut top);
    }
    if let Some(patterns) = patterns {
        for (index, (pattern, position)) in patterns.texts().unwrap_or_default().into_iter().enumerate() {
            if pattern.is_empty() {
                // It means no file, and not the folder that it is joined to.
            } else if other::is_include_pattern(&pattern) {
                top.scrape_config_files
                    .push((join(reading.folder, &pattern).display().to_string(), position));
            } else {
                let reason = "a * may stand in the last part of the path only".to_owned();
                patterns.report_at(
                    position,
                    &format!("[{index}]"),
                    ProblemKind::Pattern { pattern, reason },
                );
            }
        }
    }
    other::check(&mut fields, top.global.name_validation, reading);
    fields.finish();
    top
}

/// Reads the tree of a file that `scrape_config_files` names.
pub(crate) fn read_included(
    root: &Cursor<'_>,
    global: &Global,
    reading: Reading<'_>,
    names: &mut JobNames,
) -> Vec<ScrapeConfig> {
    let Some(mut fields) = root.fields() else {
        if !root.is_null() {
            names.note_unread();
        }
        return Vec::new();
    };
    let list = fields.take("scrape_configs");
    let scrape_configs = list
        .map(|list| scrape::read_all(&list, global, reading, names))
        .unwrap_or_default();
    fields.finish();
    scrape_configs
}

fn read_alerting(mut fields: Fields<'_>, reading: Reading<'_>, top: &mut TopLevel) {
    let names = top.global.name_validation;
    if let Some(rules) = fields.take("alert_relabel_configs") {
        top.alert_relabel_configs = RelabelRules::read(&rules, reading.dialect).check(names, Subject::Metrics);
    }
    for entry in fields
        .take("alertmanagers")
        .and_then(|list| list.list())
        .unwrap_or_default()
    {
        match entry.fields() {
            Some(mut fields) => {
                top.alertmanagers
                    .push(AlertmanagerConfig::read(&mut fields, names, reading));
                fields.finish();
            }
            None if entry.is_null() => entry.report(ProblemKind::EmptyEntry),
            None => {}
        }
    }
    fields.finish();
}
