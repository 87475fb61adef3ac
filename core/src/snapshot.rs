//! What the receiver gets: every set with all its groups, at one moment.
//!
//! A [`Snapshot`] is immutable and shares everything that did not change with the one before
//! (B02). A provider's groups stand in it once, however many sets subscribe.

use std::sync::Arc;

use imbl::OrdMap;

use crate::members::Members;
use crate::{ConfigFingerprint, FailedConfig, Groups, Instant, ProviderConfig, ProviderId, Reports, Stored};

/// Every set with all its groups. Cheap to clone, to send and to keep.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(crate) manager: Arc<str>,
    pub(crate) version: u64,
    pub(crate) at: Instant,
    pub(crate) sets: OrdMap<Arc<str>, Arc<Members>>,
    pub(crate) providers: OrdMap<ProviderId, Arc<ProviderSnapshot>>,
    pub(crate) failed: Arc<[FailedConfig]>,
}

/// One provider in a snapshot: who it is, what it has reported, and its groups.
#[derive(Debug)]
pub struct ProviderSnapshot {
    pub(crate) identity: Arc<Identity>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) groups: Groups,
}

/// What does not change over a provider's life.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: ProviderId,
    pub(crate) name: Arc<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) description: Arc<str>,
    pub(crate) fingerprint: Option<ConfigFingerprint>,
}

impl Identity {
    pub(crate) fn new(id: ProviderId, config: &impl ProviderConfig) -> Self {
        Self {
            id,
            name: format!("{}/{id}", config.kind()).into(),
            kind: config.kind().into(),
            description: config.describe().into(),
            fingerprint: config.fingerprint(),
        }
    }
}

impl Snapshot {
    /// The name of the manager that made it.
    pub fn manager(&self) -> &str {
        &self.manager
    }

    /// Counts up with each snapshot of a manager; the first is 1. Zero is the empty snapshot
    /// from before there was one.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was made.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The sets' names, sorted.
    pub fn sets(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.sets.keys()
    }

    /// The set called `name`; it may be there and be empty (S03).
    pub fn set(&self, name: &str) -> Option<SetView<'_>> {
        let (name, members) = self.sets.get_key_value(name)?;
        Some(SetView {
            snapshot: self,
            name,
            members,
        })
    }

    /// Every provider that a set subscribes to, in the order of their ids.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderSnapshot> {
        self.providers.values().map(|provider| &**provider)
    }

    /// The provider `id`.
    pub fn provider(&self, id: ProviderId) -> Option<&ProviderSnapshot> {
        self.providers.get(&id).map(|provider| &**provider)
    }

    /// The configs whose discoverers could not be built since the last apply (S11). Their providers are
    /// not here.
    pub fn failed_configs(&self) -> &[FailedConfig] {
        &self.failed
    }
}

impl ProviderSnapshot {
    /// The provider.
    pub fn id(&self) -> ProviderId {
        self.identity.id
    }

    /// The provider's name, `kind/N`.
    pub fn name(&self) -> &Arc<str> {
        &self.identity.name
    }

    /// The mechanism.
    pub fn kind(&self) -> &Arc<str> {
        &self.identity.kind
    }

    /// What the provider discovers, for people.
    pub fn description(&self) -> &Arc<str> {
        &self.identity.description
    }

    /// What its config is known by in another process, if that was said.
    pub fn fingerprint(&self) -> Option<ConfigFingerprint> {
        self.identity.fingerprint
    }

    /// What it had reported when the snapshot was made. What came first is always here: a first
    /// update, a first failure and a first whole read each make a snapshot (B01). How it fares may have
    /// changed since; that comes as [events](crate::ManagerEvent).
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The provider's groups.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }
}

/// Whether a set is to be delivered, and as what (B09, B10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Delivery {
    /// Not yet: who has a list from before does well to keep it.
    #[default]
    Withheld,
    /// With what there is: a provider that was not read whole was waited for long enough.
    Incomplete,
    /// All of it is here.
    Whole,
}

impl Delivery {
    /// Whether it is delivered, whole or not.
    pub fn is_delivered(self) -> bool {
        self != Self::Withheld
    }
}

/// One set of a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct SetView<'a> {
    snapshot: &'a Snapshot,
    name: &'a Arc<str>,
    members: &'a Members,
}

impl<'a> SetView<'a> {
    /// The set's name.
    pub fn name(&self) -> &'a Arc<str> {
        self.name
    }

    /// The providers of the set, in the order of its configs; after them its [`predecessors`](Self::predecessors).
    pub fn providers(&self) -> impl Iterator<Item = &'a ProviderSnapshot> + use<'a> {
        self.find(self.members.all())
    }

    /// The providers that the set no longer wants, and shows until its [`successors`](Self::successors) have been read
    /// whole or were waited for long enough (B03).
    pub fn predecessors(&self) -> impl Iterator<Item = &'a ProviderSnapshot> + use<'a> {
        self.find(self.members.predecessors())
    }

    /// The providers for which the predecessors stand in. One whose discoverer can't be built is none of them.
    pub fn successors(&self) -> impl Iterator<Item = &'a ProviderSnapshot> + use<'a> {
        self.find(self.members.successors())
    }

    fn find(&self, ids: &'a [ProviderId]) -> impl Iterator<Item = &'a ProviderSnapshot> + use<'a> {
        let snapshot = self.snapshot;
        ids.iter().filter_map(move |id| snapshot.provider(*id))
    }

    /// What the providers have reported that count for the set: predecessors do in the place of their successors.
    fn reports(&self) -> impl Iterator<Item = &'a Reports> + use<'a> {
        let members = self.members;
        let count = self
            .providers()
            .filter(|provider| planted!(!members.awaits(provider.id()), SuccessorsCount, true));
        count.map(|provider| &*provider.reports)
    }

    /// The configs of the set whose discoverers could not be built (S11).
    pub fn failed_configs(&self) -> impl Iterator<Item = &'a FailedConfig> + use<'a> {
        let name = self.name;
        let failed = self.snapshot.failed.iter();
        failed.filter(move |failed| planted!(failed.sets.contains(name), FailedConfigsOfOthersCount, true))
    }

    /// Whether all of it is here (B09): each of its providers has been read whole at least once, or those have whose
    /// place it takes (B03), and none of its configs failed.
    pub fn is_whole(&self) -> bool {
        planted!(self.failed_configs().next().is_none(), FailedConfigIsWhole, true)
            && self.reports().all(Reports::is_whole)
    }

    /// Whether it is to be delivered (B10). `before` says that it was: then who came since is waited for until it has
    /// said anything at all, and no longer. For who takes another's place that one counts (B03).
    ///
    /// A config that can't be run is never waited out (S11). Nor is a set of which nothing was found at all: nobody is
    /// kept from what others found, and an empty list would take everything away from who has one from before. That
    /// one provider of it knows that there is nothing counts as found for who had a list already.
    ///
    /// A provider is waited for once, from its start, and not anew for each set that comes to it later: such a set waits no
    /// longer than if it had been there all the time, and has no older list that could be cut short.
    pub fn delivery(&self, before: bool) -> Delivery {
        match self.failed_configs().next() {
            Some(_) => Delivery::Withheld,
            None => self.delivery_without_failed(before),
        }
    }

    /// The same for a set that is to be delivered without its configs that can't be run, because whoever runs it says so:
    /// then it is as incomplete as without a provider that was waited for long enough.
    pub fn delivery_without_failed(&self, before: bool) -> Delivery {
        let mut delivery = match self.failed_configs().next() {
            Some(_) => Delivery::Incomplete,
            None => Delivery::Whole,
        };
        for reports in self.reports() {
            if reports.is_whole() {
                continue;
            }
            if planted!(reports.waited_out.is_none(), WaitedOutIsWithheld, true)
                && !(planted!(before, AnyReportIsEnough, true)
                    && planted!(reports.has_reported(), NewcomerIsNotAwaited, true))
            {
                return Delivery::Withheld;
            }
            delivery = Delivery::Incomplete;
        }
        let is_known = || planted!(before && self.reports().any(Reports::is_whole), EmptyIsServed, true);
        if delivery == Delivery::Incomplete && self.target_count() == 0 && !is_known() {
            return Delivery::Withheld;
        }
        delivery
    }

    /// Every group with the provider that it comes from: provider by provider, and within one
    /// in a fixed order that is not that of the sources.
    pub fn groups(&self) -> impl Iterator<Item = (&'a ProviderSnapshot, &'a Stored)> + use<'a> {
        self.providers()
            .flat_map(|provider| provider.groups.iter().map(move |stored| (provider, stored)))
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.providers()
            .map(|provider| provider.groups.len())
            .fold(0, usize::saturating_add)
    }

    /// How many targets there are.
    pub fn target_count(&self) -> usize {
        self.providers()
            .map(|provider| provider.groups.target_count())
            .fold(0, usize::saturating_add)
    }
}
