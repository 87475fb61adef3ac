//! What a reload changed, for whoever asked for it.

use std::collections::HashMap;
use std::fmt::Write;

use headcount_config::{AlertmanagerConfig, ScrapeConfig};
use serde::Serialize;

use crate::plan::Plan;

/// Names that text lists of each kind.
const MOST_LISTED: usize = 20;

/// What a reload changed. Whatever it was, no target goes before what comes in its place was read (B03).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The jobs.
    pub jobs: Entries,
    /// The lists of Alertmanagers.
    pub alertmanagers: Entries,
    /// What discovers, of jobs and Alertmanagers.
    pub providers: Providers,
    /// Whether what `headcount.yml` says is something else.
    pub settings: bool,
}

/// What became of entries of a configuration, by their names, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entries {
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that say something else.
    pub changed: Vec<String>,
    /// How many are as they were.
    pub kept: usize,
}

/// What became of providers, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Providers {
    /// Those that were started.
    pub started: Vec<String>,
    /// Those that were stopped.
    pub stopped: Vec<String>,
    /// How many go on.
    pub kept: usize,
}

impl Changes {
    /// What differs between two plans. Of providers it says nothing yet.
    pub(crate) fn between(before: &Plan, after: &Plan) -> Self {
        Self {
            jobs: Entries::between(&jobs(before), &jobs(after), says_the_same),
            alertmanagers: Entries::between(&alertmanagers(before), &alertmanagers(after), PartialEq::eq),
            providers: Providers::default(),
            settings: before.settings != after.settings,
        }
    }

    /// Whether nothing changed that anybody discovers, relabels or is served by.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let entries = [&self.jobs, &self.alertmanagers];
        entries.into_iter().all(Entries::is_nothing) && self.providers.is_nothing() && !self.settings
    }

    /// The same in lines, for people. Writing into memory does not fail.
    #[must_use]
    pub fn text(&self) -> String {
        if self.is_nothing() {
            return "nothing changed\n".to_owned();
        }
        let mut text = String::new();
        for (what, entries) in [("jobs", &self.jobs), ("alertmanagers", &self.alertmanagers)] {
            if entries.is_nothing() {
                continue;
            }
            let Entries {
                added,
                removed,
                changed,
                kept,
            } = entries;
            let counts = [
                (added.len(), "added"),
                (removed.len(), "removed"),
                (changed.len(), "changed"),
                (*kept, "kept"),
            ];
            writeln!(text, "  {what:<9}  {}", said(&counts)).ok();
        }
        if self.settings {
            text.push_str("  settings   changed\n");
        }
        let Providers { started, stopped, kept } = &self.providers;
        let counts = [(started.len(), "started"), (stopped.len(), "stopped"), (*kept, "kept")];
        writeln!(text, "  {:<9}  {}", "providers", said(&counts)).ok();
        for (word, entries) in [("job", &self.jobs), ("alertmanagers", &self.alertmanagers)] {
            list(&mut text, "+", word, &entries.added);
            list(&mut text, "-", word, &entries.removed);
            list(&mut text, "~", word, &entries.changed);
        }
        list(&mut text, "+", "provider", started);
        list(&mut text, "-", "provider", stopped);
        text
    }
}

impl Entries {
    fn between<T>(before: &[(&str, &T)], after: &[(&str, &T)], is_same: impl Fn(&T, &T) -> bool) -> Self {
        let mut known: HashMap<&str, &T> = before.iter().copied().collect();
        let mut entries = Self::default();
        for (name, entry) in after {
            match known.remove(name) {
                None => entries.added.push((*name).to_owned()),
                Some(before) if is_same(before, entry) => entries.kept = entries.kept.saturating_add(1),
                Some(_) => entries.changed.push((*name).to_owned()),
            }
        }
        let removed = before.iter().filter(|(name, _)| known.contains_key(name));
        entries.removed = removed.map(|(name, _)| (*name).to_owned()).collect();
        entries
    }

    fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Providers {
    fn is_nothing(&self) -> bool {
        self.started.is_empty() && self.stopped.is_empty()
    }

    /// Together with those of another manager.
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        self.started.append(&mut other.started);
        self.stopped.append(&mut other.stopped);
        self.kept = self.kept.saturating_add(other.kept);
        self
    }
}

fn jobs(plan: &Plan) -> Vec<(&str, &ScrapeConfig)> {
    plan.jobs.iter().map(|job| (&*job.job_name, job)).collect()
}

fn alertmanagers(plan: &Plan) -> Vec<(&str, &AlertmanagerConfig)> {
    plan.alertmanagers
        .iter()
        .map(|(name, entry)| (&**name, entry))
        .collect()
}

/// Whether two jobs are one, wherever they stand.
fn says_the_same(one: &ScrapeConfig, other: &ScrapeConfig) -> bool {
    let elsewhere = ScrapeConfig {
        file: one.file.clone(),
        position: one.position,
        ..other.clone()
    };
    *one == elsewhere
}

/// Counts that are not zero.
fn said(counts: &[(usize, &str)]) -> String {
    let said = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<_> = said.map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() {
        "none".to_owned()
    } else {
        said.join(", ")
    }
}

fn list(text: &mut String, sign: &str, word: &str, names: &[String]) {
    for name in names.iter().take(MOST_LISTED) {
        writeln!(text, "{sign} {word} {name:?}").ok();
    }
    let more = names.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        writeln!(text, "{sign} … and {more} more").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms;

    fn plan(text: &str) -> Plan {
        let config = mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        Plan::from(config.expect("valid"))
    }

    #[test]
    fn what_differs_between_two_configurations_is_named() {
        let before = plan(
            "{scrape_configs: [{job_name: a}, {job_name: b}, {job_name: c, relabel_configs: [{action: drop, regex: x}]}], \
             alerting: {alertmanagers: [{static_configs: [{targets: ['a:1']}]}]}}",
        );
        let after = plan("scrape_configs: [{job_name: b}, {job_name: c}, {job_name: d}]");
        let mut changes = Changes::between(&before, &after);
        changes.providers = Providers {
            started: Vec::new(),
            stopped: vec!["static/0".to_owned()],
            kept: 0,
        };
        let expected = "  jobs       1 added, 1 removed, 1 changed, 1 kept
  alertmanagers  1 removed
  providers  1 stopped
+ job \"d\"
- job \"a\"
~ job \"c\"
- alertmanagers \"config-0\"
- provider \"static/0\"
";
        assert_eq!(changes.text(), expected);
        assert!(!changes.is_nothing());
        assert!(Changes::between(&before, &before).is_nothing());
        assert_eq!(Changes::between(&before, &before).text(), "nothing changed\n");
    }

    #[test]
    fn of_very_many_some_are_named() {
        let jobs: Vec<_> = (0..100).map(|number| format!("{{job_name: j{number}}}")).collect();
        let after = plan(&format!("scrape_configs: [{}]", jobs.join(", ")));
        let text = Changes::between(&Plan::default(), &after).text();
        assert_eq!(text.lines().count(), 23, "{text}");
        assert!(text.ends_with("+ … and 80 more\n"), "{text}");
    }
}
