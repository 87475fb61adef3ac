//! What Consul said so far, and what of it is to be reported when.
//!
//! **The first report that names groups is a full one**, because who reads them takes them for all there are: it
//! waits until each service was answered for. After that, each change is reported by itself, and a service that fails
//! keeps its group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::Fingerprint;

use super::answer::Instance;

/// Failures that come together are reported together.
const SETTLE: Duration = Duration::from_secs(1);

/// The name that the list of services has among what is missing.
const LIST: &str = "the list of services";

/// What was found.
#[derive(Debug)]
pub(super) struct Findings {
    interval: Duration,
    list: List,
    services: BTreeMap<Arc<str>, Found>,
    /// Services of which nothing was heard, good or bad.
    unanswered: usize,
    /// Services that fail, and why.
    failing: BTreeMap<Arc<str>, String>,
    /// What changed since it was reported; a service without instances is gone.
    pending: BTreeMap<Arc<str>, Vec<Instance>>,
    stage: Stage,
    /// When it should be reported that something fails, or no longer fails.
    failures_at: Option<Instant>,
    /// Whether failures were said while groups were held back, so that they are to be said again with the groups.
    is_to_repeat: bool,
    /// Whether something was answered since the last report.
    has_heard: bool,
    /// Whether somebody waits for the next report.
    is_hurried: bool,
    reported_at: Instant,
}

/// How much was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Nothing,
    /// Less than there is, and that it is less.
    Part,
    /// Everything, at least once.
    All,
}

/// Whether it is known which services there are.
#[derive(Debug, Default)]
struct List {
    is_known: bool,
    failure: Option<String>,
}

/// What is known of one service.
#[derive(Debug, Default)]
struct Found {
    /// Of the last answer that could be read.
    answer: Option<Fingerprint>,
    is_heard_of: bool,
}

/// Something to report: groups by service, of which those without instances are gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// With what was reported before, these are all there are.
    Complete(Groups),
    /// These are other than before.
    Changed(Groups),
    /// The same, and this is missing, with the reasons.
    Partial(Groups, Vec<(String, String)>),
    /// Nothing is to be had now.
    Failed(String),
}

type Groups = BTreeMap<Arc<str>, Vec<Instance>>;

impl Findings {
    /// Nothing is known yet but these services, if they are given.
    pub(super) fn new(interval: Duration, services: Option<&[String]>) -> Self {
        let mut findings = Self {
            interval,
            list: List::default(),
            services: BTreeMap::new(),
            unanswered: 0,
            failing: BTreeMap::new(),
            pending: BTreeMap::new(),
            stage: Stage::Nothing,
            failures_at: None,
            is_to_repeat: false,
            has_heard: false,
            is_hurried: false,
            reported_at: Instant::ZERO,
        };
        if let Some(services) = services {
            findings.set_services(Instant::ZERO, services.iter().map(|name| Arc::from(name.as_str())));
        }
        findings
    }

    /// These are the services to discover from now on. The groups of others are gone.
    pub(super) fn set_services(&mut self, now: Instant, names: impl IntoIterator<Item = Arc<str>>) {
        let mut before = std::mem::take(&mut self.services);
        for name in names {
            let found = before.remove(&name).unwrap_or_default();
            self.services.insert(name, found);
        }
        for name in before.into_keys() {
            self.mend(now, &name);
            self.pending.insert(name, Vec::new());
        }
        self.unanswered = self.services.values().filter(|found| !found.is_heard_of).count();
        if self.list.failure.take().is_some() {
            self.failures_at.get_or_insert(now + SETTLE);
        }
        self.list.is_known = true;
        self.has_heard = true;
    }

    /// Notes that a service was answered for; whether this answer is another than the last one.
    pub(super) fn is_new(&mut self, now: Instant, name: &str, answer: Fingerprint) -> bool {
        self.has_heard = true;
        let Some(found) = self.services.get(name) else {
            return false;
        };
        if found.answer != Some(answer) {
            return true;
        }
        self.mend(now, name);
        false
    }

    /// A service has these instances now.
    pub(super) fn found(&mut self, now: Instant, name: &Arc<str>, answer: Fingerprint, instances: Vec<Instance>) {
        if self.hear(name, |_| Some(answer)) {
            self.mend(now, name);
            self.pending.insert(name.clone(), instances);
        }
    }

    /// A service could not be asked for. What was found of it before stays.
    pub(super) fn failed(&mut self, now: Instant, name: &Arc<str>, reason: String) {
        if self.hear(name, |answer| answer) {
            self.failing.insert(name.clone(), reason);
            self.failures_at.get_or_insert(now + SETTLE);
        }
    }

    /// What was found of a service can't be made a group. What was found before stays.
    pub(super) fn unusable(&mut self, now: Instant, name: &Arc<str>, reason: String) {
        self.hear(name, |_| None);
        self.failed(now, name, reason);
    }

    /// The list of services could not be asked for. What was known of it stays.
    pub(super) fn list_failed(&mut self, now: Instant, reason: String) {
        self.list.failure = Some(reason);
        self.failures_at.get_or_insert(now + SETTLE);
    }

    /// What to report now. To be called until it gives nothing.
    pub(super) fn report(&mut self, now: Instant) -> Option<Report> {
        let is_hurried = std::mem::take(&mut self.is_hurried);
        let is_over = |at: Instant| is_hurried || at <= now;
        let are_failures_due = self.is_to_repeat || self.failures_at.is_some_and(is_over);
        let is_quiet = self.quiet_until().is_some_and(is_over);
        let has_news = !self.pending.is_empty() || is_quiet;
        let is_due = match self.stage {
            Stage::All => has_news,
            _ if self.is_complete() => true,
            // Nobody is to take for everything what is not.
            Stage::Nothing => false,
            // What could not be had is named already, and what is still to come can be waited for.
            Stage::Part => has_news && self.unanswered == 0,
        };
        if !is_due && !are_failures_due {
            return None;
        }
        self.failures_at = None;
        self.is_to_repeat = false;
        self.has_heard = false;
        self.reported_at = now;
        let missing = self.missing();
        let groups = std::mem::take(&mut self.pending);
        Some(match self.stage {
            Stage::All if missing.is_empty() => Report::Changed(groups),
            _ if missing.is_empty() => {
                self.stage = Stage::All;
                Report::Complete(groups)
            }
            _ if groups.is_empty() && self.is_down() => Report::Failed(self.failure()),
            stage => {
                self.stage = stage.max(Stage::Part);
                Report::Partial(groups, missing)
            }
        })
    }

    /// Whether nothing fails.
    pub(super) fn are_well(&self) -> bool {
        self.list.failure.is_none() && self.failing.is_empty()
    }

    /// Somebody waits for what there is to report: it is due.
    pub(super) fn hurry(&mut self) {
        self.is_hurried = true;
    }

    /// What to report while groups have to wait for something: that there is trouble. With the groups it is said again.
    pub(super) fn report_without_groups(&mut self, now: Instant) -> Option<Report> {
        self.failures_at.take_if(|at| *at <= now)?;
        self.is_to_repeat = true;
        let failure = self.failure();
        (!failure.is_empty()).then_some(Report::Failed(failure))
    }

    /// When [`report`](Self::report) will give something, unless something is answered before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.failures_at, self.quiet_until()].into_iter().flatten().min()
    }

    /// The same of [`report_without_groups`](Self::report_without_groups).
    pub(super) fn deadline_without_groups(&self) -> Option<Instant> {
        self.failures_at
    }

    /// When it should be said again how things are.
    fn quiet_until(&self) -> Option<Instant> {
        let says_so = self.has_heard && self.stage != Stage::Nothing && self.unanswered == 0;
        says_so.then(|| self.reported_at + self.interval)
    }

    /// Something was heard of a service, after which this is its last answer. Whether it is a service that we want.
    fn hear(&mut self, name: &str, answer: impl FnOnce(Option<Fingerprint>) -> Option<Fingerprint>) -> bool {
        let Some(found) = self.services.get_mut(name) else {
            return false;
        };
        found.answer = answer(found.answer);
        if !std::mem::replace(&mut found.is_heard_of, true) {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        true
    }

    /// A service does not fail, or no longer.
    fn mend(&mut self, now: Instant, name: &str) {
        if self.failing.remove(name).is_some() {
            self.failures_at.get_or_insert(now + SETTLE);
        }
    }

    /// Whether each service was answered for at least once, and none failed since.
    fn is_complete(&self) -> bool {
        self.list.is_known && self.list.failure.is_none() && self.unanswered == 0 && self.failing.is_empty()
    }

    /// Whether nothing at all is to be had.
    fn is_down(&self) -> bool {
        let are_all_failing = !self.services.is_empty() && self.failing.len() == self.services.len();
        self.list.failure.is_some() || are_all_failing
    }

    /// What can't be had, with the reasons.
    fn missing(&self) -> Vec<(String, String)> {
        let mut missing = Vec::new();
        if let Some(reason) = &self.list.failure {
            missing.push((LIST.to_owned(), reason.clone()));
        }
        for (name, reason) in &self.failing {
            missing.push((format!("service {name}"), reason.clone()));
        }
        if self.stage != Stage::All && self.unanswered > 0 {
            missing.push((format!("{} more services", self.unanswered), "not asked yet".to_owned()));
        }
        missing
    }

    /// One text for all that fails.
    fn failure(&self) -> String {
        let missing = self.missing();
        let Some((part, reason)) = missing.first() else {
            return String::new();
        };
        match missing.len().saturating_sub(1) {
            0 => format!("asking Consul for {part}: {reason}"),
            more => format!("asking Consul for {part}: {reason}; and for {more} more"),
        }
    }
}
