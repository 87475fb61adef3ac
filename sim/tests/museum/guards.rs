//! The bugs of guards: what keeps targets too long, or does not keep them.

use core::time::Duration;

use headcount_core::{DropGuard, Instant, ManagerOptions, ProviderId, UnknownProvider, Update, UpdateOutcome};

use crate::faulty::{Bug, Core};

/// Netflix Eureka #1267, #1073.
#[derive(Debug, Clone, Default)]
pub(crate) struct NeverLetGo;

impl Bug for NeverLetGo {
    fn options(options: ManagerOptions) -> ManagerOptions {
        let forever = |guard| DropGuard {
            hold: Duration::from_secs(100 * 365 * 24 * 60 * 60),
            ..guard
        };
        ManagerOptions {
            guard: options.guard.map(forever),
            ..options
        }
    }
}

/// Alibaba Nacos #3880.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuardsNothing;

impl Bug for GuardsNothing {
    fn options(options: ManagerOptions) -> ManagerOptions {
        ManagerOptions { guard: None, ..options }
    }
}

/// What holds an update as a whole, with all that it adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct HoldsAdditionsToo;

impl Bug for HoldsAdditionsToo {
    fn update(
        &mut self,
        core: &mut Core,
        now: Instant,
        provider: ProviderId,
        update: Update,
    ) -> Result<UpdateOutcome, UnknownProvider> {
        let (mut tried, whole) = (core.clone(), update.groups().to_vec());
        let outcome = tried.handle_update(now, provider, update)?;
        if outcome.held == 0 || outcome.is_unchanged() {
            *core = tried;
            return Ok(outcome);
        }
        // Only what is gone is taken in; what is new waits with it.
        let shown = core.snapshot(now);
        let known = |source: &str| shown.provider(provider).and_then(|pool| pool.groups().get(source));
        let same = |group: &&headcount_core::Group| known(group.source()).is_some_and(|known| known.group() == *group);
        let unchanged: Vec<_> = whole.iter().filter(same).cloned().collect();
        core.handle_update(now, provider, Update::full(unchanged))
    }
}
