//! What was restored, and was not heard of since (S05).
//!
//! A provider that starts with what another process saved shows it until it is known better. A full update says of every
//! source whether it is there. A [completing](crate::Update::completing) one says so only together with the deltas before
//! it, and what went while nobody looked is in none of them. So **what was restored and was named by none of the updates up
//! to the one that makes the provider whole is gone with that one**; else it would stay for ever.
//!
//! ```text
//!  update           restored and unheard of    shown
//!                   a b c                      a b c
//!  delta b          a   c                      a b c
//!  delta d          a   c                      a b c d
//!  completing a         c                      a b   d
//! ```

use super::provider::Provider;
use crate::update::UpdateKind;
use crate::{Group, Groups, Instant, StoreWork, Update};

impl<C> Provider<C> {
    /// The update with what it says without saying it: that what was restored and was not heard of since is gone.
    pub(super) fn with_unheard(&mut self, now: Instant, mut update: Update) -> Update {
        let Some(unheard) = &mut self.unheard else {
            return update;
        };
        if update.kind == UpdateKind::Full {
            self.unheard = None;
            return update;
        }
        let empties = update.groups.iter().map(|group| Group::empty(group.source()));
        let heard = Update::delta(empties.collect());
        let changes = unheard.changes_of(heard);
        planted!(
            unheard.apply(changes, now, 0, &mut StoreWork::default()),
            HeardIsNotNoted,
            crate::UpdateOutcome::default()
        );
        if update.kind == UpdateKind::Completing {
            let gone = unheard.iter().map(|stored| Group::empty(stored.group().source()));
            planted!(update.groups.extend(gone), UnheardStays, drop(gone));
            self.unheard = None;
        }
        update
    }
}

/// What of these groups, which were restored, a provider has to name before it is known that they are there.
pub(super) fn of(restored: Option<&Groups>) -> Option<Box<Groups>> {
    restored.filter(|groups| !groups.is_empty()).cloned().map(Box::new)
}
