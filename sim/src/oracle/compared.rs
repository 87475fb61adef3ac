//! A snapshot as a whole, and its difference to the one before, against what providers have given.

use headcount_core::{GroupChange, ProviderChange, ProviderId, Snapshot};

use super::contract::Contract;
use super::{Broken, Verdict, same};
use crate::subject::Subject;
use crate::{DiscovererId, Rule};

const WENT_TOO_SOON: &str = "what a set had went with a reload, and what comes in its place has not been read";

impl Contract {
    /// Everything in the snapshot, compared with everything that there should be.
    pub(crate) fn check_whole(&self, snapshot: &Snapshot, subject: &impl Subject) -> Verdict {
        let names: Vec<&str> = snapshot.sets().map(|set| &**set).collect();
        let expected: Vec<&str> = self.sets.keys().map(String::as_str).collect();
        same(Rule::S03, "the sets of the snapshot", &expected, &names)?;
        for set in self.sets.keys() {
            let pools = snapshot.set(set).into_iter().flat_map(|set| set.providers());
            let found: Vec<ProviderId> = pools.map(|pool| pool.id()).collect();
            let expected = self.shown_in(set);
            let rule = match self.handovers.contains_key(set) {
                true => Rule::B03,
                false => Rule::S03,
            };
            same(rule, "the providers of a set", &expected, &found).map_err(|broken| broken.about(set))?;
        }
        for (id, given) in self.providers.iter() {
            let Some(pool) = snapshot.provider(id) else {
                return Err(Broken::of(Rule::S03, "a provider is missing in the snapshot").by(id));
            };
            // B06: what is new of it is not shown yet.
            if self.dirty.contains(&id) {
                continue;
            }
            same(
                Rule::S04,
                "how many groups a provider has",
                &given.groups.len(),
                &pool.groups().len(),
            )
            .map_err(|broken| broken.by(id))?;
            for source in given.groups.keys() {
                given
                    .check(source, pool.groups().get(source))
                    .map_err(|broken| broken.by(id))?;
            }
        }
        same(
            Rule::NoLeak,
            "how many providers are in the snapshot",
            &(self.providers.len() + self.retired.len()),
            &snapshot.providers().count(),
        )?;
        same(
            Rule::NoLeak,
            "how many providers run",
            &self.providers.len(),
            &subject.provider_count(),
        )
    }

    /// B03: what stays of a provider that was stopped is what it had.
    pub(super) fn check_retired(&mut self, id: ProviderId, snapshot: &Snapshot) -> Verdict {
        let Some((_, given)) = self.retired.get_mut(&id) else {
            return Ok(());
        };
        given.dirty.clear();
        let Some(pool) = snapshot.provider(id) else {
            return Err(Broken::of(Rule::B03, WENT_TOO_SOON).by(id));
        };
        let found = pool.groups().len();
        same(
            Rule::B03,
            "how many groups a stopped provider leaves",
            &given.groups.len(),
            &found,
        )
        .map_err(|broken| broken.by(id))?;
        for source in given.groups.keys() {
            given
                .check(source, pool.groups().get(source))
                .map_err(|broken| broken.by(id))?;
        }
        Ok(())
    }

    /// B02: a snapshot differs in what was touched, and in nothing else.
    pub(super) fn check_changes(&self, newer: &Snapshot, changes: &[(DiscovererId, ProviderChange<'_>)]) -> Verdict {
        for (_, change) in changes {
            let id = change.id();
            let retired = || self.retired.get(&id).map(|(_, given)| given);
            let given = match (change, self.providers.get(id).or_else(retired)) {
                (ProviderChange::Removed(_), None) => continue,
                (ProviderChange::Removed(_), Some(_)) if self.retired.contains_key(&id) => {
                    return Err(Broken::of(Rule::B03, WENT_TOO_SOON).by(id));
                }
                (ProviderChange::Removed(_), Some(_)) => {
                    return Err(Broken::of(Rule::S02, "a provider that runs is gone from the snapshot").by(id));
                }
                (_, None) => {
                    let reason = "a provider that does not run is in the snapshot";
                    return Err(Broken::of(Rule::S06, reason).by(id));
                }
                (_, Some(given)) => given,
            };
            for group in change.groups() {
                if given.dirty.contains(group.source()) {
                    continue;
                }
                let rule = match (given.failing, &group) {
                    (true, GroupChange::Removed(_)) => Rule::FailureKeeps,
                    _ => Rule::B02,
                };
                let version = newer.version();
                let reason = format!("a group differs in snapshot {version}, and no update touched it");
                return Err(Broken::of(rule, reason).by(id).about(group.source()));
            }
        }
        Ok(())
    }
}
