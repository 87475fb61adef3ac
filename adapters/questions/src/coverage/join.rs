//! Brings targets and hosts together.
//!
//! The one rule: **each target is looked at once and let go.** What is kept of it is what the report
//! says of its host, so a fleet of a million targets fits.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::inventory::{Host, Inventory};
use super::naming::{Naming, short};
use super::report::{Because, Hosts, JobCounts, Repeated, Seen, Uncovered, Unknown};
use crate::lookup::Target;

/// What is known so far.
pub(super) struct Join<'i> {
    inventory: &'i Inventory,
    naming: &'i Naming,
    /// The hosts' places, by what they are compared by.
    places: HashMap<&'i str, usize>,
    /// In the order of the inventory.
    hosts: Vec<Known>,
    jobs: Vec<(String, JobCounts)>,
    /// The jobs' places, by name.
    job_places: HashMap<String, usize>,
    unknown: Vec<Unknown>,
    unlabelled: usize,
}

/// What is known of a host.
#[derive(Default)]
struct Known {
    /// Where it is scraped: the job's place, and the address.
    scraped: Vec<(usize, String)>,
    /// Where it is not, as long as it is scraped nowhere.
    unscraped: Vec<Seen>,
}

impl<'i> Join<'i> {
    /// Before any target is known; these are all jobs that are looked at.
    pub(super) fn new(inventory: &'i Inventory, naming: &'i Naming, jobs: impl Iterator<Item = String>) -> Self {
        let places = inventory.hosts.iter().enumerate();
        let mut join = Self {
            inventory,
            naming,
            places: places.map(|(place, host)| (host.form.as_str(), place)).collect(),
            hosts: inventory.hosts.iter().map(|_| Known::default()).collect(),
            jobs: Vec::new(),
            job_places: HashMap::new(),
            unknown: Vec::new(),
            unlabelled: 0,
        };
        jobs.for_each(|job| {
            join.job(&job);
        });
        join
    }

    /// Takes a target in.
    pub(super) fn take(&mut self, target: &Target) {
        let job = self.job(&target.scrape_pool);
        let forms = self.naming.of_target(target);
        let mut places: Vec<usize> = forms
            .iter()
            .filter_map(|form| self.places.get(form.as_str()).copied())
            .collect();
        places.sort_unstable();
        places.dedup();
        let is_scraped = target.is_scraped();
        self.unlabelled += usize::from(!is_scraped && self.naming.lacks_label(target));
        if let Some((_, counts)) = self.jobs.get_mut(job) {
            counts.targets += usize::from(is_scraped);
            counts.dropped += usize::from(target.fate.state == "dropped");
            counts.unknown += usize::from(is_scraped && places.is_empty());
        }
        if places.is_empty() && is_scraped {
            self.unknown.push(Unknown {
                job: target.scrape_pool.clone(),
                address: target.address().to_owned(),
                instance: target.labels.get("instance").cloned(),
                host: forms.into_iter().next(),
            });
        }
        for place in places {
            let Some(known) = self.hosts.get_mut(place) else {
                continue;
            };
            if is_scraped {
                known.scraped.push((job, target.address().to_owned()));
                known.unscraped = Vec::new();
            } else if known.scraped.is_empty() {
                known.unscraped.push(Seen::of(target));
            }
        }
    }

    /// What came of it. With `once`, a host is to be scraped once in all, not once a job.
    pub(super) fn finish(mut self, once: bool) -> Hosts {
        let (mut hosts, mut missing) = (Hosts::default(), Vec::new());
        for (host, known) in self.inventory.hosts.iter().zip(self.hosts) {
            if known.scraped.is_empty() {
                missing.push((host, known.unscraped));
                continue;
            }
            let mut scraped: BTreeMap<usize, Vec<String>> = BTreeMap::new();
            for (job, address) in known.scraped {
                scraped.entry(job).or_default().push(address);
            }
            hosts.covered += 1;
            hosts.in_several_jobs += usize::from(scraped.len() > 1);
            for (job, targets) in &scraped {
                if let Some((_, counts)) = self.jobs.get_mut(*job) {
                    counts.hosts += 1;
                    counts.repeated += usize::from(targets.len() > 1);
                }
            }
            let is_in_many = once && scraped.len() > 1;
            scraped.retain(|_, targets| is_in_many || targets.len() > 1);
            if !scraped.is_empty() {
                let name = |job: usize| self.jobs.get(job).map_or_else(String::new, |(name, _)| name.clone());
                let named = scraped.into_iter().map(|(job, mut targets)| {
                    targets.sort();
                    (name(job), targets)
                });
                hosts.repeated.push(Repeated {
                    host: host.name.clone(),
                    jobs: named.collect(),
                });
            }
        }
        (hosts.unknown, hosts.unlabelled) = (self.unknown, self.unlabelled);
        hosts
            .unknown
            .sort_by(|a, b| (&a.job, &a.address).cmp(&(&b.job, &b.address)));
        hosts.jobs = self.jobs.into_iter().collect();
        hosts.uncovered = uncovered(missing, &hosts);
        hosts
    }

    /// A job's place; one that came since is added.
    fn job(&mut self, name: &str) -> usize {
        if let Some(place) = self.job_places.get(name) {
            return *place;
        }
        let place = self.jobs.len();
        self.jobs.push((name.to_owned(), JobCounts::default()));
        self.job_places.insert(name.to_owned(), place);
        place
    }
}

/// The hosts that nobody scrapes, with the targets that they have.
fn uncovered(missing: Vec<(&Host, Vec<Seen>)>, hosts: &Hosts) -> Vec<Uncovered> {
    let near = Near::of(&hosts.unknown);
    // A job that is for few hosts drops most; why the job for all of them does is of more interest.
    let size = |job: &str| hosts.jobs.get(job).map_or(0, |counts| counts.hosts);
    let uncovered = missing.into_iter().map(|(host, mut seen)| {
        seen.sort_by_key(|seen| (Because::of(seen), Reverse(size(&seen.job))));
        Uncovered {
            host: host.name.clone(),
            because: seen.first().map_or(Because::NotFound, Because::of),
            near: seen.is_empty().then(|| near.to(&host.form)).flatten(),
            seen,
        }
    });
    let mut uncovered: Vec<_> = uncovered.collect();
    uncovered.sort_by_key(|host| host.because);
    uncovered
}

/// Targets that nobody knows, by their hosts' names without domains.
struct Near<'u>(HashMap<&'u str, &'u Unknown>);

impl<'u> Near<'u> {
    fn of(unknown: &'u [Unknown]) -> Self {
        let hosts = unknown
            .iter()
            .filter_map(|target| Some((target.host.as_deref()?, target)));
        let mut near = HashMap::new();
        for (host, target) in hosts {
            near.entry(short(host)).or_insert(target);
        }
        Self(near)
    }

    /// A target that differs by the domain only.
    fn to(&self, host: &str) -> Option<String> {
        let target = self.0.get(short(host))?;
        Some(target.address.clone())
    }
}
