//! Jobs as Prometheus writes them: what its own marshalling makes of a `scrape_config`, with everything filled in that the job
//! inherits. It is how OpenTelemetry's target allocator hands jobs to its collectors, which have no `global` of headcount's.
//!
//! The one rule: **what is written reads as the job that it is of**, in whatever configuration it is put, but that a limit which
//! the job does not have may come from the `global` there: Prometheus has no word for none. Two things are left out: how targets
//! are discovered, since whoever takes a job from here gets its targets from here, and fields that are younger than Prometheus
//! 3.5 where they say what an older reader does anyway.
//!
//! * `client`: how targets are asked. `rules`: relabelling.

mod client;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use rules::compared;

use headcount_core::format_duration;
use headcount_core::relabel::NameValidation;
use headcount_reader::{MASK, NameEscaping, ScrapeProtocol, sounds_secret};
use serde_json::{Map, Value, json};

use crate::{Limits, ScrapeConfig};

/// Whether secrets are written as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As they are, for who is known.
    Shown,
    /// As `<secret>`. What is secret is told by its field, or by its name where anything may stand: parameters of requests,
    /// headers.
    Hidden,
}

/// Why a job can't be written: a rule of it is one that only vmagent has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {} of `{field}` of the job {job:?}, counted from 1, does what only vmagent's rules do", rule + 1)]
pub struct OnlyVmagents {
    /// The job.
    pub job: String,
    /// `relabel_configs` or `metric_relabel_configs`.
    pub field: &'static str,
    /// The rule, counted from 0.
    pub rule: usize,
}

impl ScrapeConfig {
    /// The job as Prometheus writes it, without its discovery.
    ///
    /// ```
    /// use headcount_config::{Global, ScrapeConfig, Secrets};
    /// let job = ScrapeConfig::new("node", Vec::new(), &Global::default());
    /// let written = job.written(Secrets::Hidden)?;
    /// assert_eq!(written["scrape_interval"], "1m");
    /// # Ok::<(), headcount_config::OnlyVmagents>(())
    /// ```
    ///
    /// # Errors
    /// [`OnlyVmagents`]: Prometheus has no word for one of its rules.
    pub fn written(&self, secrets: Secrets) -> Result<Map<String, Value>, OnlyVmagents> {
        let mut job = Fields(Map::new(), secrets);
        job.put("job_name", &*self.job_name);
        job.put_unless("honor_labels", self.honor_labels, &false);
        job.put("honor_timestamps", self.honor_timestamps);
        job.put("track_timestamps_staleness", self.track_timestamps_staleness);
        if !self.params.is_empty() {
            let values = |(name, values): &(String, Vec<String>)| {
                let shown = values.iter().map(|value| job.named(name, value));
                (name.clone(), json!(shown.collect::<Vec<_>>()))
            };
            let params = self.params.iter().map(values).collect::<Map<_, _>>();
            job.put("params", params);
        }
        job.put("scrape_interval", format_duration(self.scrape_interval));
        job.put("scrape_timeout", format_duration(self.scrape_timeout));
        let protocols = self.scrape_protocols.iter().copied().map(ScrapeProtocol::name);
        job.put("scrape_protocols", protocols.collect::<Vec<_>>());
        if let Some(protocol) = self.fallback_scrape_protocol {
            job.put("fallback_scrape_protocol", protocol.name());
        }
        self.write_histograms(&mut job);
        if let Some(file) = &self.scrape_failure_log_file {
            job.put("scrape_failure_log_file", file.to_string_lossy());
        }
        job.put("metrics_path", &*self.metrics_path);
        job.put("scheme", &*self.scheme);
        job.put("enable_compression", self.enable_compression);
        write_limits(&self.limits, &mut job);
        let validation = match self.name_validation {
            NameValidation::Utf8 => "utf8",
            NameValidation::Legacy => "legacy",
        };
        job.put("metric_name_validation_scheme", validation);
        job.put("metric_name_escaping_scheme", escaping(self.name_escaping));
        job.put_unless("extra_scrape_metrics", self.extra_scrape_metrics, &false);
        client::write(&self.client, &mut job);
        for (field, rules) in [
            ("relabel_configs", &self.relabel_configs),
            ("metric_relabel_configs", &self.metric_relabel_configs),
        ] {
            let refused = |rule| OnlyVmagents {
                job: self.job_name.clone(),
                field,
                rule,
            };
            let rules = rules::written(rules).map_err(refused)?;
            job.put_unless(field, rules, &Vec::new());
        }
        Ok(job.0)
    }

    /// Whether anything of it is not written where secrets are [hidden](Secrets::Hidden). `None` if it can't be written.
    pub fn has_secrets(&self) -> Option<bool> {
        let [shown, hidden] = [Secrets::Shown, Secrets::Hidden].map(|secrets| self.written(secrets).ok());
        Some(shown? != hidden?)
    }

    fn write_histograms(&self, job: &mut Fields) {
        job.put("scrape_native_histograms", self.scrape_native_histograms);
        job.put(
            "always_scrape_classic_histograms",
            self.always_scrape_classic_histograms,
        );
        job.put(
            "convert_classic_histograms_to_nhcb",
            self.convert_classic_histograms_to_nhcb,
        );
        if let Some(limit) = self.native_histogram_bucket_limit {
            job.put("native_histogram_bucket_limit", limit.get());
        }
        job.put_unless(
            "native_histogram_min_bucket_factor",
            self.native_histogram_min_bucket_factor,
            &0.0,
        );
    }
}

/// A job, or a part of it, that is being written.
struct Fields(Map<String, Value>, Secrets);

impl Fields {
    /// A part of the same job.
    fn part(&self) -> Self {
        Self(Map::new(), self.1)
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Writes a value unless it is what a reader takes where there is none.
    fn put_unless<T: Into<Value> + PartialEq>(&mut self, name: &str, value: T, default: &T) {
        if value != *default {
            self.put(name, value);
        }
    }

    fn put_secret(&mut self, name: &str, value: &str) {
        self.put(name, self.secret(value));
    }

    /// A value that may be secret, as its name says.
    fn named<'a>(&self, name: &str, value: &'a str) -> &'a str {
        if sounds_secret(name) { self.secret(value) } else { value }
    }

    fn secret<'a>(&self, value: &'a str) -> &'a str {
        match self.1 {
            Secrets::Shown => value,
            // Nothing is no secret, and Prometheus shows it so.
            Secrets::Hidden if value.is_empty() => value,
            Secrets::Hidden => MASK,
        }
    }

    /// Writes a part, unless it says nothing.
    fn put_part(&mut self, name: &str, part: Self) {
        if !part.0.is_empty() {
            self.put(name, part.0);
        }
    }
}

fn write_limits(limits: &Limits, job: &mut Fields) {
    if let Some(bytes) = limits.body_size {
        job.put("body_size_limit", format!("{bytes}B"));
    }
    for (field, limit) in [
        ("sample_limit", limits.samples),
        ("target_limit", limits.targets),
        ("label_limit", limits.labels),
        ("label_name_length_limit", limits.label_name_length),
        ("label_value_length_limit", limits.label_value_length),
        ("keep_dropped_targets", limits.kept_dropped_targets),
    ] {
        if let Some(limit) = limit {
            job.put(field, limit.get());
        }
    }
}

fn escaping(escaping: NameEscaping) -> &'static str {
    match escaping {
        NameEscaping::AllowUtf8 => "allow-utf-8",
        NameEscaping::Underscores => "underscores",
        NameEscaping::Dots => "dots",
        NameEscaping::Values => "values",
    }
}
