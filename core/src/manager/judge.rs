//! Whether so many targets are too much to lose (B05).
//!
//! **Loss is net**: what is lost, and what went within the hold time, less what came to the set in that time. With
//! [`Count::Gross`] what came does not count. Of what came from a provider counts no more than it still has: a list that
//! comes and is empty a minute later has not replaced itself.

use core::time::Duration;
use std::sync::Arc;

use super::guard::{Count, DropGuard};
use super::registry::Registry;
use crate::{Instant, ProviderId};

/// The set for which there is too much loss, and how that is reckoned.
#[derive(Debug, Clone)]
pub(super) struct TooMuch {
    pub(super) set: Arc<str>,
    /// What passed within the hold time.
    pub(super) before: usize,
    /// What came within it.
    pub(super) came: usize,
    /// What the set had before that.
    pub(super) of: usize,
    /// For how long it has to stay so.
    pub(super) hold: Duration,
}

/// What an update brings that is not shown yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    /// How many targets more come than went and stand elsewhere.
    pub(super) more: i64,
    /// How many the provider has then.
    pub(super) actual: usize,
}

impl<C> Registry<C> {
    /// The first of the provider's sets that would lose too much with so many more targets, when this comes with them.
    pub(super) fn too_much(&self, now: Instant, id: ProviderId, lost: usize, coming: Coming) -> Option<TooMuch> {
        let subscribers = &self.providers.get(&id).filter(|_| lost > 0)?.subscribers;
        subscribers.iter().find_map(|set| {
            planted!(
                {},
                OnlyFirstSetIsGuarded,
                subscribers.first().filter(|first| *first == set).map(drop)?
            );
            let DropGuard { max_drop, hold, count } = self.settings.of(set).guard?;
            let (mut shown, mut before, mut came_before, mut came) = (0_usize, 0_usize, 0_i64, 0_i64);
            for member in self.sets.get(set)?.wanted() {
                let Some(provider) = self.providers.get(member) else {
                    continue;
                };
                shown = shown.saturating_add(provider.groups.target_count());
                before = planted!(
                    before.saturating_add(whole(provider.guarded.passed.within(now, hold))),
                    SmallDropsAreForgotten,
                    0
                );
                let (more, actual) = if *member == id {
                    (coming.more, coming.actual)
                } else {
                    (0, provider.actual().target_count())
                };
                let at_most = planted!(i64::try_from(actual).unwrap_or(i64::MAX), CameCountsWhenGone, i64::MAX);
                let of_member = provider.guarded.came.within(now, hold);
                came_before = came_before.saturating_add(of_member.min(at_most));
                came = came.saturating_add(of_member.saturating_add(more).min(at_most));
            }
            let (came_before, came) = match count {
                Count::Net => (whole(came_before), whole(came)),
                Count::Gross => (0, 0),
            };
            let of = shown.saturating_add(before).saturating_sub(came_before);
            let net = lost
                .saturating_add(before)
                .saturating_sub(planted!(came, NetIsGross, 0));
            max_drop.is_exceeded_by(net, of).then(|| TooMuch {
                set: set.clone(),
                before,
                came,
                of,
                hold,
            })
        })
    }
}

/// Less than nothing came is nothing.
fn whole(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
