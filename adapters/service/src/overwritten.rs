//! Jobs with a rule that looks at a label which the way to a Prometheus overwrites.
//!
//! A Prometheus sets `__meta_url` of what it reads over HTTP, and `__meta_filepath` of what it reads from a file, whatever
//! stands in the list. Rules that look at it in there match something else, or nothing, and nobody says so. **It is said
//! when such a list is read or written, once for each job**, and again only when its rules are others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use headcount_config::{OVERWRITTEN, ScrapeConfig};
use headcount_core::relabel::Relabeling;
use serde::Serialize;

/// What a Prometheus sets when it reads a list from a file.
const OVERWRITTEN_IN_FILES: &str = "__meta_filepath";

/// How a list gets to a Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It asks for it.
    Http,
    /// It reads a file that headcount writes.
    File,
}

/// A rule that finds something else in a Prometheus which reads the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct OverwrittenLabel {
    /// Its place in `relabel_configs`.
    rule: usize,
    /// What it looks at.
    label: &'static str,
}

/// The jobs with such rules.
#[derive(Debug, Default)]
pub(crate) struct Overwritten {
    jobs: ArcSwap<BTreeMap<Arc<str>, Arc<Job>>>,
    /// How often something was said.
    said: AtomicU64,
}

#[derive(Debug)]
struct Job {
    rules: Relabeling,
    over_http: Looked,
    in_files: Looked,
}

#[derive(Debug)]
struct Looked {
    look: Option<OverwrittenLabel>,
    was_said: AtomicBool,
}

impl Overwritten {
    /// Makes these all the jobs there are.
    pub(crate) fn configure(&self, jobs: &[ScrapeConfig]) {
        let before = self.jobs.load();
        let of_job = |job: &ScrapeConfig| {
            let known = before.get(&*job.job_name);
            if let Some(known) = known.filter(|known| known.rules == job.relabel_configs) {
                return Some((Arc::from(&*job.job_name), known.clone()));
            }
            let found = Job {
                over_http: Looked::of(&job.relabel_configs, OVERWRITTEN),
                in_files: Looked::of(&job.relabel_configs, OVERWRITTEN_IN_FILES),
                rules: job.relabel_configs.clone(),
            };
            let is_any = found.over_http.look.is_some() || found.in_files.look.is_some();
            is_any.then(|| (Arc::from(&*job.job_name), Arc::new(found)))
        };
        self.jobs.store(Arc::new(jobs.iter().filter_map(of_job).collect()));
    }

    /// The rule of a job that looks at what is overwritten, if somebody was given its list as it was discovered.
    pub(crate) fn misread(&self, job: &str) -> Option<OverwrittenLabel> {
        let jobs = self.jobs.load();
        let known = jobs.get(job)?;
        let ways = [Way::Http, Way::File].map(|way| known.on(way));
        let said = ways.into_iter().find(|looked| looked.was_said.load(Ordering::Relaxed));
        said?.look
    }

    /// Another number when there is another such job.
    pub(crate) fn version(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// Somebody was given the list of a job as it was discovered: it is logged what that means, if it was not before.
    pub(crate) fn was_read(&self, job: &str, way: Way) {
        let jobs = self.jobs.load();
        let Some(looked) = jobs.get(job).map(|known| known.on(way)) else {
            return;
        };
        let Some(OverwrittenLabel { rule, label }) = looked.look else {
            return;
        };
        if looked.was_said.swap(true, Ordering::Relaxed) {
            return;
        }
        self.said.fetch_add(1, Ordering::Relaxed);
        let instead = match way {
            Way::Http => "read /sd/<job>?relabelled=true without relabel_configs, as `headcount adopt` writes it",
            Way::File => "have files written with --file-sd-relabelled, and read them without relabel_configs",
        };
        tracing::warn!(
            job,
            rule,
            label,
            "relabel_configs[{rule}] looks at {label}, which a Prometheus overwrites when it reads the job's list; {instead}"
        );
    }
}

impl Job {
    fn on(&self, way: Way) -> &Looked {
        match way {
            Way::Http => &self.over_http,
            Way::File => &self.in_files,
        }
    }
}

impl Looked {
    fn of(rules: &Relabeling, label: &'static str) -> Self {
        let rule = rules.rules().iter().position(|rule| rule.reads(label));
        Self {
            look: rule.map(|rule| OverwrittenLabel { rule, label }),
            was_said: AtomicBool::new(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(text: &str) -> Vec<ScrapeConfig> {
        let text = format!("scrape_configs: [{text}]");
        let config = crate::mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        config.expect("valid").scrape_configs
    }

    /// What was said, in order: job, rule and label.
    fn said(overwritten: &Overwritten, reads: &[(&str, Way)]) -> Vec<(String, usize, &'static str)> {
        let mut said = Vec::new();
        for (job, way) in reads {
            let before = overwritten.version();
            overwritten.was_read(job, *way);
            if overwritten.version() != before {
                let look = overwritten.jobs.load()[*job].on(*way).look.expect("it was said");
                said.push(((*job).to_owned(), look.rule, look.label));
            }
        }
        said
    }

    #[test]
    fn it_is_said_once_a_job_and_again_when_its_rules_are_others() {
        let on_url = "{source_labels: [__meta_url], target_label: y}";
        let config = |rules: &str| {
            jobs(&format!(
                "{{job_name: a, relabel_configs: [{rules}]}}, \
                 {{job_name: b, relabel_configs: [{{source_labels: [__meta_filepath], target_label: y}}]}}, \
                 {{job_name: c, relabel_configs: [{{action: labelmap, regex: '__meta_(.+)'}}]}}, {{job_name: d}}"
            ))
        };
        let overwritten = Overwritten::default();
        overwritten.configure(&config(&format!("{{target_label: x}}, {on_url}")));
        assert_eq!(overwritten.misread("a"), None, "nobody reads it so far");
        let all = ["a", "b", "c", "d", "e"]
            .map(|job| [(job, Way::Http), (job, Way::File)])
            .concat();
        let owned = |job: &str, rule, label| (job.to_owned(), rule, label);
        let expected = [
            owned("a", 1, "__meta_url"),
            owned("b", 0, "__meta_filepath"),
            owned("c", 0, "__meta_url"),
            owned("c", 0, "__meta_filepath"),
        ];
        assert_eq!(said(&overwritten, &all), expected);
        assert_eq!(said(&overwritten, &all), [], "each was said");
        assert_eq!(overwritten.misread("a").map(|look| look.rule), Some(1));
        overwritten.configure(&config(on_url));
        assert_eq!(overwritten.misread("a"), None);
        assert_eq!(said(&overwritten, &all), [owned("a", 0, "__meta_url")]);
        overwritten.configure(&[]);
        assert_eq!(overwritten.misread("a"), None);
    }
}
