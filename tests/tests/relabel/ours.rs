//! What headcount makes of a configuration's static targets.

use std::collections::BTreeMap;
use std::path::Path;

use headcount_backends::r#static::StaticSd;
use headcount_config::{Config, Loader, ScrapeConfig};
use headcount_core::relabel::{NameValidation, Relabeling};
use headcount_core::{Encoder, Fate, JobOptions, ProviderId, TargetPool};

use super::{LATER_LABELS, Outcome, Targets};

/// The targets of every job.
pub(crate) fn targets(config: &Path) -> BTreeMap<String, Targets> {
    let loader = Loader::new(headcount_backends::registry());
    let config: Config = loader.load(config).unwrap_or_else(|errors| panic!("{errors}"));
    let jobs = config.scrape_configs.iter();
    jobs.map(|job| (job.job_name.clone(), of_job(job))).collect()
}

fn of_job(job: &ScrapeConfig) -> Targets {
    let mut pool = TargetPool::new(options(job));
    for (number, sd) in (0..).zip(&job.sd) {
        let list = sd.get::<StaticSd>().expect("only static targets stand in the cases");
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        for (place, group) in list.groups().iter().enumerate() {
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

/// The job's options, with the names that promtool 2 knows.
fn options(job: &ScrapeConfig) -> JobOptions {
    let rules = job.relabel_configs.rules().to_vec();
    JobOptions {
        relabeling: Relabeling::compile(rules, NameValidation::Legacy).unwrap(),
        ..JobOptions::from(job)
    }
}
