//! A job: what it gives its targets, its rules and its limits.

use core::num::NonZeroU64;
use core::time::Duration;

use super::fate::InvalidTarget;
use super::identify::term;
use crate::relabel::Relabeling;
use crate::{format_duration, hash, parse_duration};

/// What a job says about its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOptions {
    /// `job_name`.
    pub name: String,
    /// `scrape_interval`.
    pub scrape_interval: Duration,
    /// `scrape_timeout`.
    pub scrape_timeout: Duration,
    /// `metrics_path`.
    pub metrics_path: String,
    /// `scheme`.
    pub scheme: String,
    /// `params`.
    pub params: Vec<(String, Vec<String>)>,
    /// `convert_classic_histograms_to_nhcb`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// `always_scrape_classic_histograms`.
    pub always_scrape_classic_histograms: bool,
    /// `scrape_native_histograms`.
    pub scrape_native_histograms: bool,
    /// `relabel_configs`.
    pub relabeling: Relabeling,
    /// What the job's targets may be.
    pub limits: TargetLimits,
}

impl JobOptions {
    /// A job with Prometheus's defaults.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            scrape_interval: Duration::from_secs(60),
            scrape_timeout: Duration::from_secs(10),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            params: Vec::new(),
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            scrape_native_histograms: false,
            relabeling: Relabeling::default(),
            limits: TargetLimits::default(),
        }
    }
}

/// Limits of a job. Absent is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TargetLimits {
    /// `target_limit`: with more targets, all scrapes of the job fail.
    pub targets: Option<NonZeroU64>,
    /// `label_limit`: labels of a target that reach its samples.
    pub labels: Option<NonZeroU64>,
    /// `label_name_length_limit`, in bytes.
    pub label_name_length: Option<NonZeroU64>,
    /// `label_value_length_limit`, in bytes.
    pub label_value_length: Option<NonZeroU64>,
    /// `keep_dropped_targets`: how many dropped targets are listed. All are counted.
    pub kept_dropped_targets: Option<NonZeroU64>,
}

/// The labels that have to be `true` or `false` if they are there.
pub(super) const FLAGS: [&str; 3] = [
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

/// Options with what follows from them.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) options: JobOptions,
    /// The labels that a target gets unless it has them.
    pub(super) defaults: Vec<(String, String)>,
    pub(super) interval: String,
    pub(super) timeout: String,
    /// What holds for targets that keep the job's interval and timeout.
    pub(super) pace: Result<(), InvalidTarget>,
    /// What the parameters that are part of every target's URL add to its identity.
    pub(super) params: u128,
}

impl Job {
    pub(super) fn new(options: JobOptions) -> Self {
        let (interval, timeout) = (
            format_duration(options.scrape_interval),
            format_duration(options.scrape_timeout),
        );
        let mut params = options.params.clone();
        params.sort();
        // A later entry of the same name does not count: it could not be in a map.
        params.dedup_by(|later, earlier| later.0 == earlier.0);
        let flags = [
            options.convert_classic_histograms_to_nhcb,
            options.always_scrape_classic_histograms,
            options.scrape_native_histograms,
        ];
        let mut defaults = vec![
            ("job".to_owned(), options.name.clone()),
            ("__scrape_interval__".to_owned(), interval.clone()),
            ("__scrape_timeout__".to_owned(), timeout.clone()),
            ("__metrics_path__".to_owned(), options.metrics_path.clone()),
            ("__scheme__".to_owned(), options.scheme.clone()),
        ];
        defaults.extend(
            FLAGS
                .iter()
                .zip(flags)
                .map(|(name, flag)| ((*name).to_owned(), flag.to_string())),
        );
        let mut all = Vec::new();
        for (name, values) in &params {
            push_text(&mut all, name);
            push_number(&mut all, values.len());
            values.iter().for_each(|value| push_text(&mut all, value));
            if let Some(value) = values.first() {
                defaults.push((format!("__param_{name}"), value.clone()));
            }
        }
        defaults.retain(|(_, value)| !value.is_empty());
        Self {
            pace: check_pace(&interval, &timeout),
            params: term(hash::wide(&all), hash::wide(b"params")),
            options,
            defaults,
            interval,
            timeout,
        }
    }

    /// Checks a target's interval and timeout.
    pub(super) fn check_pace(&self, interval: &str, timeout: &str) -> Result<(), InvalidTarget> {
        if interval == self.interval && timeout == self.timeout {
            return self.pace;
        }
        check_pace(interval, timeout)
    }
}

fn check_pace(interval: &str, timeout: &str) -> Result<(), InvalidTarget> {
    let interval = parse_duration(interval).map_err(InvalidTarget::Interval)?;
    if interval.is_zero() {
        return Err(InvalidTarget::ZeroInterval);
    }
    let timeout = parse_duration(timeout).map_err(InvalidTarget::Timeout)?;
    if timeout.is_zero() {
        return Err(InvalidTarget::ZeroTimeout);
    }
    if timeout > interval {
        return Err(InvalidTarget::TimeoutAboveInterval);
    }
    Ok(())
}

/// Appends a text to bytes that are hashed, so that no other row of texts gives the same bytes.
fn push_text(out: &mut Vec<u8>, text: &str) {
    push_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn push_number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u64).to_le_bytes());
}
