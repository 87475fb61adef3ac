//! What headcount makes of a configuration's static targets.

use std::collections::BTreeMap;
use std::path::Path;

use headcount_config::{Config, RelabelConfig, ScrapeConfig, SourceLabels, load};
use headcount_core::relabel::{self, RelabelRule, Relabeling, RuleRegex};
use headcount_core::{Encoder, Fate, JobOptions, ProviderId, TargetLimits, TargetPool};
use headcount_discoverer::settings::SdConfig;

use super::{LATER_LABELS, Outcome, Targets};

/// The targets of every job.
pub(crate) fn targets(config: &Path) -> BTreeMap<String, Targets> {
    let config: Config = load(config).unwrap_or_else(|errors| panic!("{errors}"));
    let jobs = config.scrape_configs.iter();
    jobs.map(|job| (job.job_name.clone(), of_job(job))).collect()
}

fn of_job(job: &ScrapeConfig) -> Targets {
    let mut pool = TargetPool::new(options(job));
    for (number, sd) in (0..).zip(&job.sd) {
        let SdConfig::Static(list) = sd else {
            panic!("only static targets stand in the cases")
        };
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (place, group) in list.groups.iter().enumerate() {
            let labels = group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let targets = group.targets.iter().map(|target| [("__address__", target.as_str())]);
            batch.group(&place.to_string(), labels, targets).unwrap();
        }
        for group in batch.finish() {
            pool.put_group(ProviderId::from_number(number), &group);
        }
    }
    let mut reader = pool.reader();
    let targets = pool.targets().map(|view| {
        let earlier = |labels: Vec<(String, String)>| {
            let labels = labels.into_iter();
            labels
                .filter(|(name, _)| !LATER_LABELS.contains(&name.as_str()))
                .collect()
        };
        let outcome = match view.fate {
            Fate::Dropped { .. } => Outcome::Dropped,
            Fate::Invalid { .. } => Outcome::Invalid,
            _ => Outcome::Kept(earlier(reader.labels(&view).expect("it is active"))),
        };
        (earlier(reader.discovered(&view)), outcome)
    });
    targets.collect()
}

fn options(job: &ScrapeConfig) -> JobOptions {
    // The names that promtool 2 knows.
    let names = relabel::NameValidation::Legacy;
    JobOptions {
        name: job.job_name.clone(),
        scrape_interval: job.scrape_interval,
        scrape_timeout: job.scrape_timeout,
        metrics_path: job.metrics_path.clone(),
        scheme: job.scheme.clone(),
        params: job.params.clone(),
        convert_classic_histograms_to_nhcb: job.convert_classic_histograms_to_nhcb,
        always_scrape_classic_histograms: job.always_scrape_classic_histograms,
        scrape_native_histograms: job.scrape_native_histograms,
        relabeling: Relabeling::compile(job.relabel_configs.iter().map(rule), names).unwrap(),
        limits: TargetLimits {
            targets: job.limits.targets,
            labels: job.limits.labels,
            label_name_length: job.limits.label_name_length,
            label_value_length: job.limits.label_value_length,
            kept_dropped_targets: job.limits.kept_dropped_targets,
        },
    }
}

fn rule(config: &RelabelConfig) -> RelabelRule {
    let source = |source: &SourceLabels| relabel::SourceLabels {
        names: source.names.clone(),
        separator: source.separator.clone(),
    };
    let regex = |regex: &headcount_config::RelabelRegex| RuleRegex {
        written: regex.as_str().to_owned(),
        anchored: regex.anchored().to_owned(),
    };
    match config.clone() {
        RelabelConfig::Replace {
            source: from,
            regex: by,
            target_label,
            replacement,
        } => RelabelRule::Replace {
            source: source(&from),
            regex: regex(&by),
            target_label,
            replacement,
        },
        RelabelConfig::Keep {
            source: from,
            regex: by,
        } => RelabelRule::Keep {
            source: source(&from),
            regex: regex(&by),
        },
        RelabelConfig::Drop {
            source: from,
            regex: by,
        } => RelabelRule::Drop {
            source: source(&from),
            regex: regex(&by),
        },
        RelabelConfig::KeepEqual {
            source: from,
            target_label,
        } => RelabelRule::KeepEqual {
            source: source(&from),
            target_label,
        },
        RelabelConfig::DropEqual {
            source: from,
            target_label,
        } => RelabelRule::DropEqual {
            source: source(&from),
            target_label,
        },
        RelabelConfig::HashMod {
            source: from,
            target_label,
            modulus,
        } => RelabelRule::HashMod {
            source: source(&from),
            target_label,
            modulus,
        },
        RelabelConfig::LabelMap { regex: by, replacement } => RelabelRule::LabelMap {
            regex: regex(&by),
            replacement,
        },
        RelabelConfig::LabelDrop { regex: by } => RelabelRule::LabelDrop { regex: regex(&by) },
        RelabelConfig::LabelKeep { regex: by } => RelabelRule::LabelKeep { regex: regex(&by) },
        RelabelConfig::Lowercase {
            source: from,
            target_label,
        } => RelabelRule::Lowercase {
            source: source(&from),
            target_label,
        },
        RelabelConfig::Uppercase {
            source: from,
            target_label,
        } => RelabelRule::Uppercase {
            source: source(&from),
            target_label,
        },
    }
}
