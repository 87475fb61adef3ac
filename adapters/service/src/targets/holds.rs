//! Which targets are gone, and are kept by the drop guard.
//!
//! Targets are written group by group, so **what a source still has is looked up once for all of its
//! targets**, however many there are.

use std::cell::RefCell;
use std::collections::BTreeMap;

use headcount_core::{Held, Instant, ProviderId, StillThere, TargetView};

use crate::discovery::Observation;

/// The drops that are held.
#[derive(Default)]
pub(super) struct Holds {
    drops: BTreeMap<ProviderId, Held>,
    /// The source that was asked for last.
    last: RefCell<Option<(ProviderId, String, StillThere)>>,
}

impl Holds {
    pub(super) fn of(observation: &Observation) -> Self {
        let held = |provider: &crate::discovery::Provider| Some((provider.id, provider.held.clone()?));
        Self {
            drops: observation.providers.iter().filter_map(held).collect(),
            last: RefCell::new(None),
        }
    }

    /// Since when the target is held, if it is.
    pub(super) fn since(&self, view: &TargetView<'_>) -> Option<Instant> {
        let held = self.drops.get(&view.provider)?;
        let mut last = self.last.borrow_mut();
        let source = view.group.source();
        let known = last
            .take()
            .filter(|(provider, other, _)| *provider == view.provider && *other == source);
        let (.., still_there) =
            last.insert(known.unwrap_or_else(|| (view.provider, source.to_owned(), held.still_there(source))));
        (!still_there.has(view.group, view.labels)).then_some(held.since)
    }
}
