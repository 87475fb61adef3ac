//! `scrape_configs`: the jobs.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headcount_core::relabel::{NameValidation, RelabelRule, Relabeling};
use headcount_core::{JobOptions, TargetLimits, planted};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::{Cursor, Fields, HttpClientSettings, NameEscaping, Position, ProblemKind, ScrapeProtocol, join};

use super::Reading;
use super::global::{Global, Limits, read_pace};
use super::naming;
use super::protocol;
use super::relabel::{RelabelRules, Subject, only_vmagents};

/// One job, with what it inherits filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeConfig {
    /// `job_name`; never empty.
    pub job_name: String,
    /// The file in which the job is defined; empty if there is none.
    pub file: Arc<Path>,
    /// Where it is defined in its file.
    pub position: Position,
    /// `honor_labels`.
    pub honor_labels: bool,
    /// `honor_timestamps`; true unless said otherwise.
    pub honor_timestamps: bool,
    /// `track_timestamps_staleness`.
    pub track_timestamps_staleness: bool,
    /// `params`, sorted by name.
    pub params: Vec<(String, Vec<String>)>,
    /// `scrape_interval`; longer than 0.
    pub scrape_interval: Duration,
    /// `scrape_timeout`; no longer than the interval.
    pub scrape_timeout: Duration,
    /// `scrape_protocols`, best first; never empty.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// `fallback_scrape_protocol`.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// `scrape_native_histograms`.
    pub scrape_native_histograms: bool,
    /// `always_scrape_classic_histograms`.
    pub always_scrape_classic_histograms: bool,
    /// `convert_classic_histograms_to_nhcb`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// `scrape_failure_log_file`.
    pub scrape_failure_log_file: Option<PathBuf>,
    /// `metrics_path`; `/metrics` unless said otherwise.
    pub metrics_path: String,
    /// `scheme`; `http` unless said otherwise.
    pub scheme: String,
    /// `enable_compression`; true unless said otherwise.
    pub enable_compression: bool,
    /// The limits, those of `global` included.
    pub limits: Limits,
    /// `native_histogram_bucket_limit`.
    pub native_histogram_bucket_limit: Option<NonZeroU64>,
    /// `native_histogram_min_bucket_factor`; 0 for none.
    pub native_histogram_min_bucket_factor: f64,
    /// `metric_name_validation_scheme`.
    pub name_validation: NameValidation,
    /// `metric_name_escaping_scheme`.
    pub name_escaping: NameEscaping,
    /// `extra_scrape_metrics`.
    pub extra_scrape_metrics: bool,
    /// How targets are scraped.
    pub client: HttpClientSettings,
    /// How targets are discovered, in Prometheus's order: by mechanism, then as written, all
    /// `static_configs` last and as one.
    pub sd: Vec<SdConfig>,
    /// `relabel_configs`.
    pub relabel_configs: Relabeling,
    /// How many of those, the first ones, are the `relabel_configs` of all jobs, as vmagent has them in `global`.
    pub global_rules: usize,
    /// `metric_relabel_configs`.
    pub metric_relabel_configs: Relabeling,
    /// What of it only vmagent reads, or reads in another way.
    pub only_vmagent: OnlyVmagent,
}

/// What of a job only vmagent reads as it is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnlyVmagent {
    /// The first of its own `relabel_configs` that a Prometheus refuses, or carries out in another way, counted from 0.
    pub rule: Option<usize>,
    /// The same of `metric_relabel_configs`.
    pub metric_rule: Option<usize>,
    /// Fields that headcount does nothing with.
    pub fields: Vec<&'static str>,
}

impl ScrapeConfig {
    /// A job that says nothing but its name and how it discovers targets.
    ///
    /// ```
    /// use headcount_config::{Global, ScrapeConfig};
    /// let job = ScrapeConfig::new("node", Vec::new(), &Global::default());
    /// assert_eq!(job.metrics_path, "/metrics");
    /// ```
    pub fn new(job_name: impl Into<String>, sd: Vec<SdConfig>, global: &Global) -> Self {
        Self {
            job_name: job_name.into(),
            file: Path::new("").into(),
            position: Position { line: 1, column: 1 },
            honor_labels: false,
            honor_timestamps: planted!(true, HonorTimestampsIsOff, false),
            track_timestamps_staleness: false,
            params: Vec::new(),
            scrape_interval: global.scrape_interval,
            scrape_timeout: global.scrape_timeout,
            scrape_protocols: global
                .scrape_protocols
                .clone()
                .unwrap_or_else(|| ScrapeProtocol::defaults(global.scrape_native_histograms)),
            fallback_scrape_protocol: None,
            scrape_native_histograms: global.scrape_native_histograms,
            always_scrape_classic_histograms: global.always_scrape_classic_histograms,
            convert_classic_histograms_to_nhcb: global.convert_classic_histograms_to_nhcb,
            scrape_failure_log_file: global.scrape_failure_log_file.clone(),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            enable_compression: true,
            limits: global.limits,
            native_histogram_bucket_limit: None,
            native_histogram_min_bucket_factor: 0.0,
            name_validation: global.name_validation,
            name_escaping: global.name_escaping,
            extra_scrape_metrics: global.extra_scrape_metrics,
            client: HttpClientSettings::default(),
            sd,
            relabel_configs: Relabeling::default(),
            global_rules: 0,
            metric_relabel_configs: Relabeling::default(),
            only_vmagent: OnlyVmagent::default(),
        }
    }
}

impl From<&ScrapeConfig> for JobOptions {
    /// What the job says about its targets.
    fn from(job: &ScrapeConfig) -> Self {
        Self {
            name: job.job_name.clone(),
            scrape_interval: job.scrape_interval,
            scrape_timeout: job.scrape_timeout,
            metrics_path: job.metrics_path.clone(),
            scheme: job.scheme.clone(),
            params: job.params.clone(),
            convert_classic_histograms_to_nhcb: job.convert_classic_histograms_to_nhcb,
            always_scrape_classic_histograms: job.always_scrape_classic_histograms,
            scrape_native_histograms: job.scrape_native_histograms,
            relabeling: job.relabel_configs.clone(),
            limits: TargetLimits {
                targets: job.limits.targets,
                labels: job.limits.labels,
                label_name_length: job.limits.label_name_length,
                label_value_length: job.limits.label_value_length,
                kept_dropped_targets: job.limits.kept_dropped_targets,
            },
        }
    }
}

/// The jobs' names so far, in all files, with the place of each.
#[derive(Debug, Default)]
pub(crate) struct JobNames {
    places: HashMap<String, String>,
    /// Whether there may be jobs whose names could not be read.
    may_lack: bool,
}

impl JobNames {
    /// The jobs of a configuration that was made and not read.
    pub(crate) fn of(jobs: &[ScrapeConfig]) -> Self {
        let place = |job: &ScrapeConfig| (job.job_name.clone(), "the program itself".to_owned());
        Self {
            places: jobs.iter().map(place).collect(),
            may_lack: false,
        }
    }

    /// Notes that there may be others.
    pub(crate) fn note_unread(&mut self) {
        self.may_lack = true;
    }

    /// Whether there is no job of this name, as far as that can be known.
    pub(crate) fn lack(&self, job: &str) -> bool {
        !self.may_lack && !self.places.contains_key(job)
    }

    /// All names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Keeps a name, or reports that it was used before.
    fn claim(&mut self, job: &str, at: &Cursor<'_>) {
        if let Some(first) = planted!(self.places.get(job), JobNamedTwice, None::<&String>) {
            at.report(ProblemKind::RepeatedJob {
                job: job.to_owned(),
                first: first.clone(),
            });
        } else {
            self.places.insert(
                job.to_owned(),
                format!("{}:{}", at.file().display(), at.position().line),
            );
        }
    }
}

/// Reads a list of jobs.
pub(crate) fn read_all(
    list: &Cursor<'_>,
    global: &Global,
    reading: Reading<'_>,
    names: &mut JobNames,
) -> Vec<ScrapeConfig> {
    let mut jobs = Vec::new();
    let entries = list.list();
    if entries.is_none() && !list.is_null() {
        names.note_unread();
    }
    for entry in entries.unwrap_or_default() {
        if entry.is_null() {
            entry.report(ProblemKind::EmptyEntry);
        }
        match entry.fields() {
            Some(mut fields) => {
                jobs.push(read(&mut fields, global, reading, names));
                fields.finish();
            }
            None => names.note_unread(),
        }
    }
    jobs
}

fn read(fields: &mut Fields<'_>, global: &Global, reading: Reading<'_>, names: &mut JobNames) -> ScrapeConfig {
    let name_at = fields.take("job_name");
    let name = name_at.as_ref().map_or(Some(String::new()), Cursor::text);
    match (&name_at, &name) {
        (_, None) => names.note_unread(),
        (Some(at), Some(name)) if !name.is_empty() => names.claim(name, at),
        _ => {
            names.note_unread();
            fields.at().report(ProblemKind::Missing { field: "job_name" });
        }
    }
    let mut job = ScrapeConfig::new(name.unwrap_or_default(), Vec::new(), global);
    job.file = fields.at().file().into();
    job.position = fields.at().position();
    (job.scrape_interval, job.scrape_timeout) = read_pace(fields, global);
    let relabel = RelabelRules::of(fields, "relabel_configs", reading.dialect);
    let metric_relabel = RelabelRules::of(fields, "metric_relabel_configs", reading.dialect);
    job.only_vmagent.fields = super::vmagent::read_job(fields, reading.dialect);
    job.client = HttpClientSettings::read(fields, reading.folder);
    job.sd = reading.mechanisms.read(
        fields,
        reading,
        !relabel.is_empty() || !global.relabel_configs.is_empty(),
    );
    job.params = read_params(fields);
    read_naming(fields, &mut job, global);
    read_histograms(fields, &mut job, global);
    read_scraping(fields, &mut job, global, reading.folder);
    let (places, metric_places) = (relabel.places(), metric_relabel.places());
    let rules = relabel.compile_for_job(job.name_validation);
    let metric_rules = metric_relabel.compile(job.name_validation, Subject::Metrics);
    if reading.dialect.is_vmagent() {
        job.only_vmagent.rule = only_vmagents(&places, &rules);
        job.only_vmagent.metric_rule = only_vmagents(&metric_places, &metric_rules);
    }
    job.global_rules = global.relabel_configs.len();
    let behind = |field, all: &[RelabelRule], rules| behind(fields.at(), field, all, rules, job.name_validation);
    job.relabel_configs = behind("relabel_configs", &global.relabel_configs, rules);
    job.metric_relabel_configs = behind("metric_relabel_configs", &global.metric_relabel_configs, metric_rules);
    if super::vmagent::disables_compression(fields, reading.dialect) {
        job.enable_compression = false;
    }
    job
}

/// The rules of a job behind those of all jobs, which were checked where they stand, but not for the names that this one
/// takes.
fn behind(
    job: &Cursor<'_>,
    field: &'static str,
    global: &[RelabelRule],
    rules: Relabeling,
    names: NameValidation,
) -> Relabeling {
    if global.is_empty() {
        return rules;
    }
    let all = planted!(
        global.iter().chain(rules.rules()),
        JobsRulesComeFirst,
        rules.rules().iter().chain(global)
    )
    .cloned();
    Relabeling::compile(all, names).unwrap_or_else(|error| {
        job.report(ProblemKind::GlobalRule { field, error });
        rules
    })
}

fn read_scraping(fields: &mut Fields<'_>, job: &mut ScrapeConfig, global: &Global, folder: &Path) {
    let set = |flag: Option<bool>, field: &mut bool| *field = flag.unwrap_or(*field);
    set(fields.flag("honor_labels"), &mut job.honor_labels);
    set(fields.flag("honor_timestamps"), &mut job.honor_timestamps);
    set(
        fields.flag("track_timestamps_staleness"),
        &mut job.track_timestamps_staleness,
    );
    set(fields.flag("enable_compression"), &mut job.enable_compression);
    set(fields.some_flag("extra_scrape_metrics"), &mut job.extra_scrape_metrics);
    if let Some(path) = fields.text("metrics_path") {
        job.metrics_path = path;
    }
    if let Some(scheme) = fields.text("scheme") {
        job.scheme = scheme;
    }
    if let Some(path) = fields.some_text("scrape_failure_log_file") {
        job.scrape_failure_log_file = Some(join(folder, &path));
    }
    job.limits = Limits::read(fields, global.limits);
    if let Some(protocols) = fields.take("scrape_protocols").and_then(|at| protocol::read_list(&at)) {
        job.scrape_protocols = protocols;
    } else if planted!(global.scrape_protocols.is_none(), GlobalProtocolsAreForgotten, true) {
        job.scrape_protocols = ScrapeProtocol::defaults(job.scrape_native_histograms);
    }
    job.fallback_scrape_protocol = fields
        .take("fallback_scrape_protocol")
        .and_then(|at| protocol::read_one(&at));
}

fn read_histograms(fields: &mut Fields<'_>, job: &mut ScrapeConfig, global: &Global) {
    let mut flag = |name, inherited| fields.some_flag(name).unwrap_or(inherited);
    job.scrape_native_histograms = flag("scrape_native_histograms", global.scrape_native_histograms);
    job.always_scrape_classic_histograms = flag(
        "always_scrape_classic_histograms",
        global.always_scrape_classic_histograms,
    );
    job.convert_classic_histograms_to_nhcb = flag(
        "convert_classic_histograms_to_nhcb",
        global.convert_classic_histograms_to_nhcb,
    );
    job.native_histogram_bucket_limit = fields.count("native_histogram_bucket_limit").and_then(NonZeroU64::new);
    let factor = fields
        .take("native_histogram_min_bucket_factor")
        .and_then(|at| at.number());
    job.native_histogram_min_bucket_factor = factor.unwrap_or_default();
}

fn read_params(fields: &mut Fields<'_>) -> Vec<(String, Vec<String>)> {
    let entries = fields.take("params").and_then(|at| at.entries()).unwrap_or_default();
    let values = |at: Cursor<'_>| {
        at.texts()
            .unwrap_or_default()
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    };
    entries.into_iter().map(|(name, at)| (name, values(at))).collect()
}

/// A job's own validation scheme brings its own escaping; otherwise both are inherited.
fn read_naming(fields: &mut Fields<'_>, job: &mut ScrapeConfig, global: &Global) {
    let validation = fields
        .take("metric_name_validation_scheme")
        .and_then(|at| naming::read_validation(&at, naming::refuse));
    let escaping_at = fields.take("metric_name_escaping_scheme");
    let escaping = escaping_at
        .as_ref()
        .and_then(|at| naming::read_escaping(at, naming::refuse));
    job.name_validation = validation.unwrap_or(global.name_validation);
    job.name_escaping = match (escaping, validation) {
        (Some(escaping), _) => escaping,
        (None, Some(validation)) => planted!(
            NameEscaping::suited_to(validation),
            EscapingIsInherited,
            global.name_escaping
        ),
        (None, None) => global.name_escaping,
    };
    if job.name_escaping == NameEscaping::AllowUtf8 && job.name_validation.is_legacy() {
        let at = escaping_at.unwrap_or_else(|| fields.at().clone());
        at.report(ProblemKind::Rule(
            "names are validated as legacy but escaped as allow-utf-8; set metric_name_escaping_scheme to underscores, dots or values",
        ));
    }
}
