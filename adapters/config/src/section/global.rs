//! `global`: what every job inherits.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use headcount_core::planted;
use headcount_core::relabel::{NameValidation, RelabelRule};
use headcount_reader::{
    Cursor, Fields, NameEscaping, ProblemKind, ScrapeProtocol, Surroundings, expand, is_label_name, join,
};

use super::Reading;
use super::naming;
use super::protocol;
use super::relabel::{RelabelRules, Subject};
use crate::Dialect;

/// `global`, with defaults filled in. Limits that are absent are not limited.
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    /// `scrape_interval`; one minute unless said otherwise.
    pub scrape_interval: Duration,
    /// `scrape_timeout`; ten seconds unless said otherwise, and no longer than the interval.
    pub scrape_timeout: Duration,
    /// `evaluation_interval`; one minute unless said otherwise.
    pub evaluation_interval: Duration,
    /// `rule_query_offset`.
    pub rule_query_offset: Duration,
    /// `scrape_protocols`; absent when jobs choose by themselves.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// `external_labels`, sorted by name, with environment variables filled in.
    pub external_labels: Vec<(String, String)>,
    /// `query_log_file`.
    pub query_log_file: Option<PathBuf>,
    /// `scrape_failure_log_file`.
    pub scrape_failure_log_file: Option<PathBuf>,
    /// The limits that jobs inherit.
    pub limits: Limits,
    /// `metric_name_validation_scheme`.
    pub name_validation: NameValidation,
    /// `metric_name_escaping_scheme`; by the validation scheme unless said otherwise.
    pub name_escaping: NameEscaping,
    /// `scrape_native_histograms`.
    pub scrape_native_histograms: bool,
    /// `convert_classic_histograms_to_nhcb`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// `always_scrape_classic_histograms`.
    pub always_scrape_classic_histograms: bool,
    /// `extra_scrape_metrics`.
    pub extra_scrape_metrics: bool,
    /// `relabel_configs`, which vmagent carries out before those of each job.
    pub relabel_configs: Vec<RelabelRule>,
    /// `metric_relabel_configs`, likewise.
    pub metric_relabel_configs: Vec<RelabelRule>,
}

/// What a scrape may bring in. Absent is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Limits {
    /// `body_size_limit`, in bytes without compression.
    pub body_size: Option<NonZeroU64>,
    /// `sample_limit`, after metric relabelling.
    pub samples: Option<NonZeroU64>,
    /// `target_limit`, after relabelling.
    pub targets: Option<NonZeroU64>,
    /// `label_limit`, labels of a sample.
    pub labels: Option<NonZeroU64>,
    /// `label_name_length_limit`, in bytes.
    pub label_name_length: Option<NonZeroU64>,
    /// `label_value_length_limit`, in bytes.
    pub label_value_length: Option<NonZeroU64>,
    /// `keep_dropped_targets`, of a job.
    pub kept_dropped_targets: Option<NonZeroU64>,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_secs(60),
            scrape_timeout: Duration::from_secs(10),
            evaluation_interval: Duration::from_secs(60),
            rule_query_offset: Duration::ZERO,
            scrape_protocols: None,
            external_labels: Vec::new(),
            query_log_file: None,
            scrape_failure_log_file: None,
            limits: Limits::default(),
            name_validation: NameValidation::Utf8,
            name_escaping: NameEscaping::AllowUtf8,
            scrape_native_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: false,
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
        }
    }
}

impl Global {
    /// `has_jobs` says whether there is who uses it: Prometheus looks at the schemes of names for a job only.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        reading: Reading<'_>,
        surroundings: &dyn Surroundings,
        has_jobs: bool,
    ) -> Self {
        let folder = reading.folder;
        let mut rules = |name: &'static str, subject| match reading.dialect {
            Dialect::Vmagent => RelabelRules::of(fields, name, reading.dialect)
                .compile(NameValidation::Utf8, subject)
                .rules()
                .to_vec(),
            Dialect::Prometheus => refuse(fields, name),
        };
        let relabel_configs = rules("relabel_configs", Subject::Targets);
        let metric_relabel_configs = rules("metric_relabel_configs", Subject::Metrics);
        let complain: naming::Complain = if has_jobs { naming::refuse } else { naming::remark };
        let default = Self::default();
        let (scrape_interval, scrape_timeout) = read_pace(fields, &default);
        let name_validation = fields
            .take("metric_name_validation_scheme")
            .and_then(|at| naming::read_validation(&at, complain))
            .unwrap_or_default();
        let name_escaping = fields
            .take("metric_name_escaping_scheme")
            .and_then(|at| naming::read_escaping(&at, complain));
        let labels = fields.take("external_labels");
        Self {
            scrape_interval,
            scrape_timeout,
            evaluation_interval: fields
                .duration("evaluation_interval")
                .filter(|interval| !interval.is_zero())
                .unwrap_or(default.evaluation_interval),
            rule_query_offset: fields.duration("rule_query_offset").unwrap_or_default(),
            scrape_protocols: fields.take("scrape_protocols").and_then(|at| protocol::read_list(&at)),
            external_labels: labels
                .map(|at| external_labels(&at, name_validation, surroundings))
                .unwrap_or_default(),
            query_log_file: fields.some_text("query_log_file").map(|path| join(folder, &path)),
            scrape_failure_log_file: fields
                .some_text("scrape_failure_log_file")
                .map(|path| join(folder, &path)),
            limits: Limits::read(fields, Limits::default()),
            name_validation,
            name_escaping: name_escaping.unwrap_or(NameEscaping::suited_to(name_validation)),
            scrape_native_histograms: fields.some_flag("scrape_native_histograms").unwrap_or_default(),
            convert_classic_histograms_to_nhcb: fields.flag("convert_classic_histograms_to_nhcb").unwrap_or_default(),
            always_scrape_classic_histograms: fields.flag("always_scrape_classic_histograms").unwrap_or_default(),
            extra_scrape_metrics: fields.some_flag("extra_scrape_metrics").unwrap_or_default(),
            relabel_configs,
            metric_relabel_configs,
        }
    }
}

/// Says that a field is vmagent's, if it is there.
fn refuse(fields: &mut Fields<'_>, name: &'static str) -> Vec<RelabelRule> {
    if let Some(at) = fields.take_foreign(name) {
        let what = format!("the field `{name}` of global");
        at.report(ProblemKind::OfVmagent { what });
    }
    Vec::new()
}

impl Limits {
    /// Reads the limits; what is absent or 0 is inherited.
    pub(super) fn read(fields: &mut Fields<'_>, inherited: Self) -> Self {
        let mut count = |name, inherited: Option<NonZeroU64>| match fields.count(name).and_then(NonZeroU64::new) {
            Some(limit) => Some(limit),
            None => planted!(inherited, ZeroLimitIsALimit, None),
        };
        Self {
            samples: count("sample_limit", inherited.samples),
            targets: count("target_limit", inherited.targets),
            labels: count("label_limit", inherited.labels),
            label_name_length: count("label_name_length_limit", inherited.label_name_length),
            label_value_length: count("label_value_length_limit", inherited.label_value_length),
            kept_dropped_targets: count("keep_dropped_targets", inherited.kept_dropped_targets),
            body_size: match fields.take("body_size_limit").and_then(|at| at.size()) {
                None | Some(0) => inherited.body_size,
                // Prometheus takes a negative size, and does not limit then.
                Some(size) => u64::try_from(size).ok().and_then(NonZeroU64::new),
            },
        }
    }
}

/// `scrape_interval` and `scrape_timeout`; the timeout that is inherited is cut to the interval.
pub(super) fn read_pace(fields: &mut Fields<'_>, inherited: &Global) -> (Duration, Duration) {
    let mut said = |name| {
        fields
            .take(name)
            .and_then(|at| Some((at.duration()?, at)))
            .filter(|(time, _)| !time.is_zero())
    };
    let interval = said("scrape_interval").map_or(inherited.scrape_interval, |(interval, _)| interval);
    let timeout = match said("scrape_timeout") {
        Some((timeout, at)) => {
            if planted!(timeout > interval, TimeoutMayBeLonger, false) {
                at.report(ProblemKind::TimeoutAboveInterval { timeout, interval });
            }
            timeout
        }
        None => planted!(
            inherited.scrape_timeout.min(interval),
            TimeoutIsNotCut,
            inherited.scrape_timeout
        ),
    };
    (interval, timeout)
}

fn external_labels(
    at: &Cursor<'_>,
    validation: NameValidation,
    surroundings: &dyn Surroundings,
) -> Vec<(String, String)> {
    let legacy = validation.is_legacy();
    let mut labels = Vec::new();
    for (name, value) in at.entries().unwrap_or_default() {
        if !is_label_name(&name, legacy) {
            value.report(ProblemKind::LabelName {
                name: name.clone(),
                legacy,
            });
        }
        let Some(text) = value.text() else { continue };
        let text = expand(&text, |variable| {
            surroundings
                .variable(variable)
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| {
                    let name = variable.to_owned();
                    planted!(
                        value.warn(ProblemKind::EmptyVariable { name }),
                        EmptyVariableIsSilent,
                        drop(name)
                    );
                    String::new()
                })
        });
        labels.push((name, text));
    }
    labels
}
