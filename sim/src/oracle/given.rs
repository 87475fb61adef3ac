//! What each provider has given so far, and so what the manager has to hold of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headcount_core::{Group, Instant, ProviderId, ProviderSnapshot, Stored, Update, UpdateKind, UpdateOutcome};

use super::held::{GivenGroups, Guarded};
use super::{Broken, Verdict, same};
use crate::Rule;
use crate::subject::Subject;

/// What a provider has given.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) groups: GivenGroups,
    pub(super) updates: u64,
    pub(super) last_update: Option<Instant>,
    pub(super) last_failure: Option<Instant>,
    pub(super) failing: bool,
    /// Whether its last report could not get everything.
    pub(super) partial: bool,
    /// Whether it was read whole, by this manager or by the one whose state this one started with (B09).
    pub(super) whole: bool,
    /// When it was waited for long enough, and had not been read whole (B10); its start, if that was before a restart.
    pub(super) waited_out: Option<Instant>,
    /// Whether it was read whole by this manager.
    read_whole: bool,
    /// Sources that were restored and that no update has named.
    unheard: BTreeSet<Arc<str>>,
    /// Sources that were touched since the last snapshot.
    pub(super) dirty: BTreeSet<Arc<str>>,
    /// What is known of its drops; `groups` are those that have to be shown.
    pub(super) guarded: Guarded,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenGroup {
    pub(super) group: Group,
    pub(super) changed: Instant,
    pub(super) update: u64,
}

/// Providers by their numbers, which count up and are never used again.
#[derive(Debug, Clone, Default)]
pub(super) struct ByProvider {
    given: Vec<Option<Box<Given>>>,
    count: usize,
}

impl ByProvider {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, id: ProviderId) -> Option<&Given> {
        self.given.get(place(id))?.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: ProviderId) -> Option<&mut Given> {
        self.given.get_mut(place(id))?.as_deref_mut()
    }

    /// A provider starts, and has given nothing yet.
    pub(super) fn start(&mut self, id: ProviderId) {
        if place(id) >= self.given.len() {
            self.given.resize(place(id) + 1, None);
        }
        self.count += usize::from(self.given[place(id)].replace(Box::default()).is_none());
    }

    /// A provider starts with what it had shown before a restart.
    pub(super) fn start_with(
        &mut self,
        now: Instant,
        id: ProviderId,
        (whole, waited_out): (bool, bool),
        saved: GivenGroups,
    ) {
        self.start(id);
        if let Some(given) = self.get_mut(id) {
            given.restore(now, (whole, waited_out), saved);
        }
    }

    pub(super) fn stop(&mut self, id: ProviderId) -> Option<Box<Given>> {
        let stopped = self.given.get_mut(place(id)).and_then(Option::take);
        self.count -= usize::from(stopped.is_some());
        stopped
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ProviderId, &Given)> {
        let numbered = (0..).map(ProviderId::from_number).zip(&self.given);
        numbered.filter_map(|(id, given)| Some((id, given.as_deref()?)))
    }
}

fn place(id: ProviderId) -> usize {
    usize::try_from(id.number()).unwrap_or(usize::MAX)
}

impl Given {
    /// It has what it had shown before a restart.
    pub(super) fn restore(&mut self, now: Instant, (whole, waited_out): (bool, bool), saved: GivenGroups) {
        self.dirty = saved.keys().cloned().collect();
        self.unheard = saved.keys().cloned().collect();
        self.groups = saved;
        self.whole = whole;
        self.waited_out = waited_out.then_some(now);
        self.guarded.shown = self.groups.values().map(|group| group.group.target_count()).sum();
        self.index_all();
        for group in self.groups.values_mut() {
            // No update of this life brought it.
            group.update = 0;
            group.changed = group.changed.min(now);
        }
    }

    /// B10: a start begins a wait for it.
    pub(super) fn is_to_be_awaited(&self) -> bool {
        !self.whole && self.waited_out.is_none()
    }

    /// What an update makes of the groups.
    pub(super) fn take(&mut self, now: Instant, update: &Update) -> UpdateOutcome {
        let mut outcome = UpdateOutcome::default();
        let unheard = self.still_unheard(update);
        if update.groups().is_empty() && unheard.is_empty() && update.kind() != UpdateKind::Full {
            return outcome;
        }
        for source in unheard {
            self.groups.remove(&source);
            self.dirty.insert(source);
            outcome.removed += 1;
        }
        // When a source is named twice, the last one counts.
        let named: BTreeMap<&str, &Group> = update.groups().iter().map(|group| (group.source(), group)).collect();
        if update.kind() == UpdateKind::Full {
            let gone: Vec<Arc<str>> = self
                .groups
                .keys()
                .filter(|source| !named.contains_key(&***source))
                .cloned()
                .collect();
            outcome.removed += gone.len();
            for source in gone {
                self.groups.remove(&source);
                self.dirty.insert(source);
            }
        }
        for (source, group) in named {
            let known = self.groups.get_key_value(source);
            match known {
                Some((source, _)) if group.target_count() == 0 => {
                    let source = source.clone();
                    self.groups.remove(&source);
                    self.dirty.insert(source);
                    outcome.removed += 1;
                }
                None if group.target_count() == 0 => {}
                Some((_, known)) if known.group == *group => outcome.unchanged += 1,
                known => {
                    outcome.changed += usize::from(known.is_some());
                    outcome.added += usize::from(known.is_none());
                    let source: Arc<str> = known.map_or_else(|| source.into(), |(source, _)| source.clone());
                    let given = GivenGroup {
                        group: group.clone(),
                        changed: now,
                        update: self.updates,
                    };
                    self.groups.insert(source.clone(), given);
                    self.dirty.insert(source);
                }
            }
        }
        outcome
    }

    /// S05: what was restored and goes with this update, because none up to it named it.
    fn still_unheard(&mut self, update: &Update) -> BTreeSet<Arc<str>> {
        for group in update.groups() {
            self.unheard.remove(group.source());
        }
        match update.kind() {
            UpdateKind::Full => self.unheard.clear(),
            UpdateKind::Completing => return core::mem::take(&mut self.unheard),
            UpdateKind::Delta | UpdateKind::Partial => {}
        }
        BTreeSet::new()
    }

    /// S04 and B07: a source's group is the one that was given last, and says so.
    pub(super) fn check(&self, source: &str, found: Option<&Stored>) -> Verdict {
        let rule = if self.guarded.is_holding() {
            Rule::B05
        } else {
            Rule::S04
        };
        match (self.groups.get(source), found) {
            (None, None) => Ok(()),
            (Some(given), None) if given.update == 0 => {
                Err(Broken::of(Rule::Restart, "a group that was saved is not in the snapshot").about(source))
            }
            (Some(_), None) => Err(Broken::of(rule, "a group that was given is not in the snapshot").about(source)),
            (None, Some(_)) => Err(Broken::of(rule, "a group that was removed is in the snapshot").about(source)),
            (Some(given), Some(found)) if given.group != *found.group() => {
                let reason = format!("expected {:?}, found {:?}", given.group, found.group());
                Err(Broken::of(rule, reason).about(source))
            }
            (Some(given), Some(found)) => {
                let expected = (given.changed, given.update);
                same(
                    Rule::B07,
                    "when and by which update a group came",
                    &expected,
                    &(found.changed(), found.update()),
                )
                .map_err(|broken| broken.about(source))
            }
        }
    }

    /// Notes that an update came, and says whether a snapshot has to say so even if no group changed
    /// (B01): it is the first, or the first that has everything.
    pub(super) fn reports_for_the_first_time(&mut self, update: &Update) -> bool {
        let is_whole = matches!(update.kind(), UpdateKind::Full | UpdateKind::Completing);
        let is_first = self.updates == 1 || is_whole && !self.read_whole;
        self.read_whole |= is_whole;
        self.whole |= is_whole;
        is_first
    }

    /// B01, B09: a snapshot says whether a provider has reported, failed and been read whole.
    pub(super) fn check_reports(&self, provider: &ProviderSnapshot) -> Verdict {
        let reports = provider.reports();
        let expected = (self.updates > 0, self.last_failure.is_some(), self.whole);
        let found = (
            reports.first_update.is_some(),
            reports.first_failure.is_some(),
            reports.is_whole(),
        );
        same(
            Rule::B01,
            "whether a snapshot says that a provider has reported, failed, and been read whole",
            &expected,
            &found,
        )?;
        same(
            Rule::B10,
            "when a provider was waited for long enough",
            &self.waited_out,
            &reports.waited_out,
        )
    }

    /// B04: its health is known.
    pub(super) fn check_health(&self, id: ProviderId, subject: &impl Subject) -> Verdict {
        let Some((health, groups)) = subject.provider(id) else {
            return Err(Broken::of(Rule::B04, "a provider that runs is not known").by(id));
        };
        same(
            Rule::B05,
            "how many targets are held",
            &self.guarded.targets(),
            &subject.held(id),
        )
        .map_err(|broken| broken.by(id))?;
        let expected = (
            self.updates,
            self.last_update,
            self.last_failure,
            self.failing,
            self.groups.len(),
        );
        let failed = health.last_failure.as_ref().map(|failed| failed.at);
        let found = (health.updates, health.last_update, failed, health.is_failing(), groups);
        same(
            Rule::B04,
            "a provider's updates, last update, last failure, whether it fails, and groups",
            &expected,
            &found,
        )
        .map_err(|broken| broken.by(id))
    }
}
