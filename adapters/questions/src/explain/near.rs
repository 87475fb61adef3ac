//! Targets that come near to one that is nowhere.

use std::collections::BTreeSet;

use serde::Serialize;

use super::wanted::{Wanted, What, addresses};
use crate::lookup::{Target, distance_within, near};

/// As many are kept.
const MOST: usize = 10;

/// A target that was perhaps meant. Sorted by how likely that is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Near {
    #[serde(skip)]
    rank: usize,
    #[serde(skip)]
    is_unscraped: bool,
    pub(super) job: String,
    pub(super) address: String,
    pub(super) state: String,
    /// In what it differs.
    pub(super) what: String,
}

/// The best of those that were looked at.
#[derive(Debug, Default)]
pub(super) struct Nearest(BTreeSet<Near>);

impl Nearest {
    pub(super) fn consider(&mut self, wanted: &Wanted, target: &Target) {
        let Some((rank, what)) = nearness(wanted, target) else {
            return;
        };
        self.0.insert(Near {
            rank,
            is_unscraped: !target.is_scraped(),
            job: target.scrape_pool.clone(),
            address: target.address().to_owned(),
            state: target.fate.word().to_owned(),
            what,
        });
        if self.0.len() > MOST {
            self.0.pop_last();
        }
    }

    pub(super) fn best(self) -> Vec<Near> {
        self.0.into_iter().collect()
    }
}

fn nearness(wanted: &Wanted, target: &Target) -> Option<(usize, String)> {
    match &wanted.what {
        What::Address(_, address) => {
            let all = addresses(target).filter_map(|other| near(address, &other));
            let (rank, what) = all.min()?;
            let is_other_job = rank == 0 && wanted.job.is_some();
            let what = if is_other_job {
                "the same host, in another job"
            } else {
                what
            };
            Some((rank, what.to_owned()))
        }
        What::Labels(labels) => {
            let near = labels.iter().filter_map(|(name, value)| of_label(name, value, target));
            // One label that is quite another, and the target was not meant.
            let near: Vec<_> = near.collect();
            (near.len() == labels.len()).then(|| near.into_iter().max())?
        }
    }
}

fn of_label(name: &str, value: &str, target: &Target) -> Option<(usize, String)> {
    let all = || target.labels.iter().chain(&target.discovered_labels);
    if all().any(|(other, text)| other == name && text == value) {
        return Some((0, "the same labels, in another job".to_owned()));
    }
    if value.is_empty() {
        return None;
    }
    let same_value = all().find(|(_, text)| *text == value);
    let most = if value.chars().count() > 3 { 2 } else { 0 };
    let values = all().filter(|(other, _)| *other == name);
    let near_value = values.filter_map(|(_, text)| Some((distance_within(value, text, most)?, text)));
    let same_value = same_value.map(|(other, text)| (1, format!("{other}={text:?}")));
    let near_value = near_value
        .min()
        .map(|(far, text)| (1 + far, format!("{name}={text:?}")));
    same_value.or(near_value)
}
