//! What takes targets from a list was looked at twice: rule B11.
//!
//! Judged by what the backend gave, and not by what the discoverer made of it: **an update with less is of a list that was
//! given twice**, a file's as long apart as it has to stay so.

use std::collections::BTreeSet;

use headcount_core::{Group, ProviderId, Update, UpdateKind};

use super::contract::Contract;
use super::{Broken, Verdict};
use crate::engine::less::{SETTLED, Seen, fold_hosts};
use crate::world::render::{STAMP, read_stamp};
use crate::{BackendKind, HostId, Rule};

impl Contract {
    /// An update of a list is about to be taken in. `seen` are the lists that its discoverer was given.
    pub(crate) fn check_less<'a>(
        &self,
        id: ProviderId,
        update: &Update,
        kind: BackendKind,
        seen: impl DoubleEndedIterator<Item = &'a Seen>,
    ) -> Verdict {
        let Some(given) = self.providers.get(id) else {
            return Ok(());
        };
        let before = given.actual();
        let named: BTreeSet<&str> = update.groups().iter().map(Group::source).collect();
        let stays = |group: &&Group| update.kind() != UpdateKind::Full && !named.contains(group.source());
        let had = hosts(before.values().map(|known| &known.group));
        let has = hosts(
            before
                .values()
                .map(|known| &known.group)
                .filter(stays)
                .chain(update.groups()),
        );
        let is_less = match kind {
            BackendKind::File => has.len() < had.len(),
            _ => has.is_empty() && !had.is_empty(),
        };
        let now = fold_hosts(has.iter().copied());
        let mut same = seen.filter(|seen| seen.hosts == now);
        let is_settled = match kind {
            BackendKind::File => {
                let (first, last) = (same.next(), same.next_back());
                first
                    .zip(last)
                    .is_some_and(|(first, last)| last.at.saturating_duration_since(first.at) >= SETTLED.into())
            }
            _ => same.count() > 1,
        };
        if !is_less || is_settled {
            return Ok(());
        }
        let reason = format!(
            "a list that had {} hosts has {}, and was not looked at twice",
            had.len(),
            has.len()
        );
        Err(Broken::of(Rule::B11, reason).by(id))
    }
}

fn hosts<'a>(groups: impl Iterator<Item = &'a Group>) -> BTreeSet<HostId> {
    let stamps = groups.flat_map(|group| group.targets().filter_map(|target| read_stamp(target.get(STAMP)?)));
    stamps.map(|(host, _)| host).collect()
}
