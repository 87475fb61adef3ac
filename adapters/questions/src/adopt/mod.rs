//! `adopt`: the prometheus.yml with which a Prometheus reads a headcount's lists in place of discovering by itself.
//!
//! Of each job what discovers becomes an `http_sd_configs` on headcount, and nothing else is touched: comments stay, and
//! what was there before stays as a comment, so that the way back is as short. headcount goes on reading the file as it
//! was.
//!
//! **What comes out is read again, and has to say of every job what the file said before**, but for how its targets are
//! found; a file that can't be changed so is refused, with the job that stands in the way.
//!
//! # Where a job is relabelled
//! Where it was: in Prometheus. A list has all that was discovered, so rules find what they found. But for one label: a
//! Prometheus that reads a list by HTTP sets `__meta_url` to the list's own URL, whatever it was before. So a job with a
//! rule that looks at [`OVERWRITTEN`](headcount_config::OVERWRITTEN) reads its list as it is after relabelling, and its rules
//! become a comment. A Prometheus 2 also reads those so that may have names of labels which it refuses ([`Reader`]).
//!
//! * `reader`: who reads the lists, and what that means for a job. `refilled`: what a relabelled list can't say.
//! * `job`: what of a job is to be replaced, and where it stands. `block`, `flow`: replacing it, in YAML's two styles.
//! * `lines`: places in a text.

mod block;
mod flow;
mod job;
mod lines;
mod reader;
mod refilled;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headcount_config::{Config, ScrapeConfig};
use headcount_core::relabel::Relabeling;
use headcount_reader::{LoadErrors, ProblemKind, Sink, decode, read};
use headcount_service::list_path;
use url::Url;

use job::JobText;
use lines::{Edit, Lines, edited};
pub use reader::{Because, Reader, looks_at_overwritten};

/// The configuration to use from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The prometheus.yml.
    pub text: String,
    /// What was replaced, in the order of the file.
    pub jobs: Vec<AdoptedJob>,
    /// Files that it includes, which have jobs of their own and were not changed.
    pub included: Vec<PathBuf>,
}

/// A job whose targets headcount finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedJob {
    /// Its name.
    pub name: String,
    /// Its list.
    pub url: String,
    /// Why headcount relabels it, if it does.
    pub relabelled: Option<Because>,
    /// If headcount relabels it: the first of its rules that may remove a label which Prometheus fills in again, and that
    /// label.
    pub refilled: Option<(usize, String)>,
}

/// Why a file can't be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// It is wrong as it is.
    #[error("the configuration is wrong, so there is nothing to adopt")]
    Wrong(#[source] LoadErrors),
    /// It would not mean the same.
    #[error(
        "job {job:?} can't be rewritten so that it means the same, which may be because of anchors, aliases or merge keys, or by a Prometheus because of a %{{NAME}} of vmagent's; write its discovery out in the job itself, and try again"
    )]
    Different {
        /// The job.
        job: String,
    },
    /// A rule that stays with who scrapes would be refused there, or do something else.
    #[error(
        "job {job:?}: metric_relabel_configs[{rule}] is vmagent's, and whoever scrapes carries it out, so no Prometheus can take the job over; remove it, or adopt the file --for vmagent"
    )]
    MetricRule {
        /// The job.
        job: String,
        /// The rule's place.
        rule: usize,
    },
    /// What is left would be refused by who is to read it.
    #[error(
        "a Prometheus would refuse {}, so it can't take the file over; remove that, or adopt the file --for vmagent", fields.join(", ")
    )]
    OnlyVmagent {
        /// What it would refuse: a field, or a field and what is wrong with it.
        fields: Vec<String>,
    },
    /// It would not be read.
    #[error(
        "the file can't be rewritten so that it is read again, which may be because of anchors, aliases or merge keys that stand in what discovers; write the discovery of each job out, and try again"
    )]
    Broken(#[source] LoadErrors),
}

impl AdoptError {
    /// Places in the file that was written are of no use to who has the other one, so fields say where it is.
    fn only_vmagent(errors: &LoadErrors) -> Self {
        let fields = errors.problems.iter().map(|problem| match &problem.kind {
            ProblemKind::OfVmagent { .. } => problem.field.clone(),
            kind => format!("{} ({kind})", problem.field),
        });
        Self::OnlyVmagent {
            fields: fields.collect(),
        }
    }
}

/// What a job is to be given.
struct Wanted {
    url: String,
    relabelled: Option<Because>,
    reader: Reader,
}

/// Reads a configuration from bytes.
pub type Load<'l> = dyn Fn(&[u8]) -> Result<Config, LoadErrors> + 'l;

/// Rewrites a prometheus.yml for a `reader` that reads its lists at `headcount`.
///
/// `load` reads a configuration from bytes, as it would be read from its file, and `load_after` as who reads the lists reads it,
/// where that is in another way.
///
/// # Errors
/// The file is wrong, or can't be rewritten so that it means the same.
pub fn adopt(
    bytes: &[u8],
    origin: &Path,
    headcount: &Url,
    reader: Reader,
    load: impl Fn(&[u8]) -> Result<Config, LoadErrors>,
    load_after: Option<&Load<'_>>,
) -> Result<Adopted, AdoptError> {
    let before = load(bytes).map_err(AdoptError::Wrong)?;
    let metric_rule = before
        .scrape_configs
        .iter()
        .filter(|_| reader != Reader::Vmagent)
        .find_map(|job| Some((job.job_name.clone(), job.only_vmagent.metric_rule?)));
    if let Some((job, rule)) = metric_rule {
        return Err(AdoptError::MetricRule { job, rule });
    }
    // What can't be decoded was refused when it was loaded.
    let text = decode(bytes).unwrap_or_default();
    let own: Vec<&ScrapeConfig> = before
        .scrape_configs
        .iter()
        .filter(|job| &*job.file == origin)
        .collect();
    let (text, jobs) = rewrite(&text, origin, |job| Wanted::of(headcount, reader, job), &own);
    let mut after = load(text.as_bytes()).map_err(AdoptError::Broken)?;
    if let Some(load_after) = load_after {
        after = load_after(text.as_bytes()).map_err(|errors| AdoptError::only_vmagent(&errors))?;
    }
    let load_after = load_after.unwrap_or(&load);
    if let Some(job) = difference(&before, &after, reader, &jobs, load_after) {
        return Err(AdoptError::Different { job });
    }
    let mut included: Vec<PathBuf> = Vec::new();
    for job in &before.scrape_configs {
        if &*job.file != origin && !included.iter().any(|file| **file == *job.file) {
            included.push(job.file.to_path_buf());
        }
    }
    Ok(Adopted { text, jobs, included })
}

fn rewrite(
    text: &str,
    origin: &Path,
    wanted: impl Fn(&ScrapeConfig) -> Wanted,
    jobs: &[&ScrapeConfig],
) -> (String, Vec<AdoptedJob>) {
    // What is wrong was said when it was loaded.
    let sink = Sink::new(origin.into());
    let document = read(text, &sink);
    let root = document.as_ref().and_then(|document| document.root(&sink));
    let lines = Lines::of(text);
    let places = root.map(|root| job::places(&root, &lines)).unwrap_or_default();
    let by_position: BTreeMap<(usize, usize), &ScrapeConfig> = jobs
        .iter()
        .map(|job| ((job.position.line, job.position.column), *job))
        .collect();
    let (mut edits, mut adopted): (Vec<Edit>, Vec<AdoptedJob>) = (Vec::new(), Vec::new());
    for place in places {
        let at = place.position();
        let Some(job) = by_position.get(&(at.line, at.column)) else {
            continue;
        };
        let wanted = wanted(job);
        let replaced = place.replaced(wanted.relabelled.is_some());
        if !replaced.has_discovery() {
            continue;
        }
        let edit = match &place {
            JobText::Block(place) => block::edit(&lines, place, &replaced, &wanted),
            JobText::Flow(place) => Some(flow::edit(&lines, place, &replaced, &wanted)),
        };
        edits.extend(edit);
        adopted.push(AdoptedJob {
            name: job.job_name.clone(),
            url: wanted.url,
            refilled: wanted.relabelled.as_ref().and_then(|_| refilled::first(job)),
            relabelled: wanted.relabelled,
        });
    }
    (edited(text, &edits), adopted)
}

impl Wanted {
    fn of(headcount: &Url, reader: Reader, job: &ScrapeConfig) -> Self {
        let relabelled = reader.needs_relabelled(job);
        let base = headcount.as_str().trim_end_matches('/');
        let query = relabelled.as_ref().map_or("", |_| reader.query());
        Self {
            url: format!("{base}{}{query}", list_path(&job.job_name)),
            relabelled,
            reader,
        }
    }

    /// What is said of the job beside what it is given.
    fn reason(&self) -> String {
        match &self.relabelled {
            None => "headcount discovers this job's targets now".to_owned(),
            Some(because) => format!(
                "headcount discovers and relabels this job's targets now: {}",
                because.text()
            ),
        }
    }
}

/// The first job that does not mean what it meant, but for how its targets are found.
fn difference(
    before: &Config,
    after: &Config,
    reader: Reader,
    adopted: &[AdoptedJob],
    load: impl Fn(&[u8]) -> Result<Config, LoadErrors>,
) -> Option<String> {
    let list = |url: &str| {
        let sd = block::fields("", url, reader).join("\n");
        let config = load(format!("scrape_configs:\n- job_name: a\n  {}", sd.replace('\n', "\n  ")).as_bytes()).ok()?;
        config.scrape_configs.into_iter().next().map(|job| job.sd)
    };
    let adopted: BTreeMap<&str, &AdoptedJob> = adopted.iter().map(|job| (&*job.name, job)).collect();
    let jobs = before.scrape_configs.iter().zip(&after.scrape_configs);
    for (old, new) in jobs {
        let adopted = adopted.get(&*old.job_name);
        let mut expected = ScrapeConfig {
            position: new.position,
            ..old.clone()
        };
        if let Some(adopted) = adopted {
            expected.sd = list(&adopted.url).unwrap_or_default();
            if adopted.relabelled.is_some() {
                expected.relabel_configs = Relabeling::default();
                expected.only_vmagent.rule = None;
            }
        }
        let has_rules = are_alike(&expected.relabel_configs, &new.relabel_configs)
            && are_alike(&expected.metric_relabel_configs, &new.metric_relabel_configs);
        expected.relabel_configs = new.relabel_configs.clone();
        expected.metric_relabel_configs = new.metric_relabel_configs.clone();
        if expected != *new || !has_rules {
            return Some(old.job_name.clone());
        }
    }
    let lacks = before.scrape_configs.len() != after.scrape_configs.len();
    let is_other = before.global != after.global
        || before.alertmanagers != after.alertmanagers
        || before.alert_relabel_configs != after.alert_relabel_configs
        || before.scrape_config_files != after.scrape_config_files;
    (lacks || is_other).then(|| {
        before
            .scrape_configs
            .first()
            .map_or_else(String::new, |job| job.job_name.clone())
    })
}

/// Whether rules do what those after them do, which a Prometheus may read.
fn are_alike(before: &Relabeling, after: &Relabeling) -> bool {
    let mut rules = before.rules().iter().zip(after.rules());
    before.len() == after.len() && rules.all(|(old, new)| old == new || old.is_alike(new))
}

#[cfg(test)]
mod tests;
