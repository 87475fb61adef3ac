//! `--scrape`: whether the targets are really there.
//!
//! A [`Scraper`] follows what changes among the targets, and its findings stand beside them in
//! the API. **Without the flag nothing of this is there, and nothing waits for it with it**: the
//! pools say what changed and go on.
//!
//! * `settings`: what a job's configuration says about scraping.
//! * `known`: where the scraper looks targets up.

mod known;
mod settings;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_channel::Receiver;
use futures_lite::future;
use headcount_config::ScrapeConfig;
use headcount_core::{PoolOutput, TargetId};
use headcount_discoverer::Env;
use headcount_scraper::{Scraper, ScraperOptions, TargetHealth};
use rapidhash::v3::rapidhash_v3;
use smol::{Executor, Task};

use crate::plan::Plan;
use crate::targets::{Changes, Targets};
use known::Known;

/// Changes that are looked up at once, so that others get their turn in between.
const AT_ONCE: usize = 1_000;

/// What scrapes the targets.
#[derive(Clone)]
pub(crate) struct Scraping(Scraper);

/// Starts scraping what `changes` tells. It ends with its tasks.
pub(crate) fn start(
    executor: &Arc<Executor<'static>>,
    env: &Env,
    targets: &Arc<Targets>,
    changes: Receiver<Changes>,
    plan: &Plan,
    max_in_flight: NonZeroUsize,
) -> (Scraping, [Task<()>; 2]) {
    let options = ScraperOptions {
        seed: seed(plan),
        max_in_flight: Some(max_in_flight),
    };
    let scraper = Scraper::new(env.clone(), Arc::new(Known::new(targets.clone())), options);
    let (scraping, following) = (scraper.clone(), scraper.clone());
    let tasks = [
        executor.spawn(async move { scraping.run().await }),
        executor.spawn(follow(following, changes)),
    ];
    (Scraping(scraper), tasks)
}

impl Scraping {
    /// Scrapes by these settings from now on. When a target is due stays as it is.
    pub(crate) fn set_jobs(&self, jobs: &[ScrapeConfig]) {
        self.0
            .set_jobs(jobs.iter().map(|job| (job.job_name.as_str().into(), settings::of(job))));
    }

    /// What is known of a target; `None` if it is not scraped yet.
    pub(crate) fn health(&self, job: &str, id: TargetId) -> Option<TargetHealth> {
        self.0.health(job, id)
    }
}

async fn follow(scraper: Scraper, changes: Receiver<Changes>) {
    while let Ok(changes) = changes.recv().await {
        if changes.is_anew {
            scraper.forget_targets();
        }
        for same_job in changes.outputs.chunk_by(|(one, _), (other, _)| one == other) {
            for some in same_job.chunks(AT_ONCE) {
                let Some((job, _)) = some.first() else { continue };
                let outputs: Vec<PoolOutput> = some.iter().map(|(_, output)| *output).collect();
                scraper.handle(job, &outputs);
                future::yield_now().await;
            }
        }
    }
}

/// The same for each start of one server, and another for each server of a pair: from the
/// machine's name and `external_labels`, as in Prometheus.
fn seed(plan: &Plan) -> u64 {
    let mut bytes = rustix::system::uname().nodename().to_bytes().to_vec();
    for (name, value) in &plan.external_labels {
        for text in [name, value] {
            bytes.push(0);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    rapidhash_v3(&bytes)
}
