//! Where the scraper looks targets up: the pools.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headcount_core::{TargetId, TargetReader};
use headcount_scraper as scraper;
use headcount_scraper::ScrapeTarget;

use crate::targets::{Targets, secret_url};

/// The targets, with a reader for each job, which remembers what it worked out.
pub(super) struct Known {
    targets: Arc<Targets>,
    /// Each with the number of the configuration that it is for.
    readers: Mutex<BTreeMap<String, (u64, TargetReader)>>,
}

impl Known {
    pub(super) fn new(targets: Arc<Targets>) -> Self {
        Self {
            targets,
            readers: Mutex::default(),
        }
    }
}

impl scraper::Targets for Known {
    fn find(&self, job: &str, ids: &[TargetId], found: &mut dyn FnMut(TargetId, ScrapeTarget)) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        self.targets.read(|state| {
            let Some(pool) = state.pools.pool(job) else {
                readers.remove(job);
                return;
            };
            let (_, reader) = match readers.get_mut(job) {
                Some(entry) if entry.0 == state.configuration => entry,
                _ => {
                    readers.remove(job);
                    let new = || (state.configuration, pool.reader());
                    readers.entry(job.to_owned()).or_insert_with(new)
                }
            };
            for view in pool.find(ids.iter().copied()) {
                if let Some(id) = view.fate.scraped()
                    && let Some(labels) = reader.labels(&view)
                {
                    let url = secret_url(pool.options(), &labels);
                    found(id, ScrapeTarget { url, labels });
                }
            }
        });
    }

    fn refused(&self, job: &str) -> Option<String> {
        let exceeded = |state: &crate::targets::State| state.pools.pool(job)?.exceeded_target_limit();
        let (targets, limit) = self.targets.read(exceeded)?;
        Some(format!(
            "target_limit exceeded (number of targets: {targets}, limit: {limit})"
        ))
    }
}
