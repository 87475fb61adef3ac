//! Whether a target that is gone from its source stands elsewhere (B05).
//!
//! **A set is without a target only if none of its providers has it.** So that this need not be searched for, each
//! provider has an index of its addresses as soon as something of a set of it was lost. A provider that several sets read
//! has lost a target as soon as one of them is without it.

use std::collections::BTreeSet;

use super::provider::Provider;
use super::registry::Registry;
use crate::store::AddressIndex;
use crate::{Groups, ProviderId};

/// Where a provider's targets may stand.
pub(super) struct Elsewhere<'a> {
    own: Option<&'a AddressIndex>,
    /// For each of its sets that has a guard, those of the set's other providers; none, if one of the sets has only this.
    others: Vec<Vec<&'a AddressIndex>>,
}

impl Elsewhere<'_> {
    /// Whether a target with this address stands somewhere, for whichever set one asks.
    pub(super) fn has(&self, address: &str) -> bool {
        let in_all = |others: &Vec<&AddressIndex>| others.iter().any(|index| index.has(address));
        self.own.is_some_and(|own| own.has(address))
            || !self.others.is_empty()
                && planted!(
                    self.others.iter().all(in_all),
                    OneSetHasIt,
                    self.others.iter().any(in_all)
                )
    }
}

impl<C> Registry<C> {
    /// Where the targets of a provider may stand, as things are now; with what is not in its place, because it comes with
    /// what is being taken in.
    pub(super) fn elsewhere(&mut self, id: ProviderId, fresh: &[(ProviderId, &Groups)]) -> Elsewhere<'_> {
        let views = self.views(id);
        for member in views.iter().flatten().chain([&id]) {
            let fresh = fresh
                .iter()
                .find(|(other, _)| other == member)
                .map(|(_, groups)| *groups);
            let actual = fresh.or_else(|| self.providers.get(member).map(Provider::actual));
            if let Some(actual) = actual {
                self.addresses.entry(*member).or_default().follow(actual);
            }
        }
        let index = |id: &ProviderId| self.addresses.get(id);
        Elsewhere {
            own: index(&id),
            others: views
                .iter()
                .map(|view| view.iter().filter_map(index).collect())
                .collect(),
        }
    }

    /// The other providers of each of the provider's sets that has a guard, each list once; nothing, if one of them is
    /// empty.
    fn views(&self, id: ProviderId) -> BTreeSet<Vec<ProviderId>> {
        let mut views = BTreeSet::new();
        let subscribers = self.providers.get(&id).map(|provider| &*provider.subscribers);
        for set in subscribers.unwrap_or_default() {
            if self.settings.of(set).guard.is_none() {
                continue;
            }
            let members = self.sets.get(set).map(|members| members.wanted()).unwrap_or_default();
            let others: Vec<ProviderId> = members.iter().copied().filter(|member| *member != id).collect();
            if others.is_empty() {
                return BTreeSet::new();
            }
            views.insert(others);
        }
        views
    }

    /// The providers of which something is held, and that are in a guarded set with this one.
    pub(super) fn held_beside(&self, id: ProviderId) -> Vec<ProviderId> {
        let Some(provider) = self.providers.get(&id) else {
            return Vec::new();
        };
        let is_beside = |other: &&ProviderId| {
            **other != id
                && provider.subscribers.iter().any(|set| {
                    self.settings.of(set).guard.is_some()
                        && self
                            .sets
                            .get(set)
                            .is_some_and(|members| members.wanted().contains(other))
                })
        };
        self.held.iter().filter(is_beside).copied().collect()
    }
}
