//! What a manager has, kept for the one that comes after it: a restart without a gap.
//!
//! A manager that starts from nothing shows nothing until each of its providers has reported. With
//! what another manager [saved](crate::Manager::save), it shows that at once. **What was saved
//! stays until it is known better**: a provider's failure keeps it, a delta replaces the
//! sources that it names, and the first full update replaces all of it (S04, S05). A discoverer
//! therefore begins with a full update, as after any start.
//!
//! A state can be kept in memory, or written down in any format of `serde`. It names its format, and
//! one of another format is refused with an error that says so: a version of the core before or
//! after this one may have written it.

mod format;
mod group;
#[cfg(test)]
mod tests;

use core::fmt;
use std::sync::Arc;

use crate::{Group, Groups, Instant, Stored};
pub(crate) use group::ReadGroup;

/// The number of the format in which this version writes states, and which it reads.
pub const STATE_FORMAT: u32 = 3;

/// What a manager had at one moment: its providers' configs, each with its groups.
///
/// Cheap to make and to clone: it shares the groups with the manager. Making a manager from it
/// ([`Manager::restore`](crate::Manager::restore)) or writing it down costs what it holds.
///
/// ```
/// # use headcount_core::{Encoder, Instant, Manager, ManagerOptions, Output, ProviderConfig, SavedState, Update};
/// # #[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
/// # struct Rack(String);
/// # impl ProviderConfig for Rack {
/// #     fn kind(&self) -> &str { "rack" }
/// #     fn describe(&self) -> String { self.0.clone() }
/// # }
/// # let (now, sets) = (Instant::ZERO, vec![("node".to_owned(), vec![Rack("r1".to_owned())])]);
/// let mut manager = Manager::new(now, ManagerOptions::default());
/// let provider = manager.apply(now, sets.clone()).started[0];
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// batch.group("r1", [("rack", "r1")], [[("__address__", "10.0.0.1:9100")]])?;
/// manager.handle_update(now, provider, Update::full(batch.finish()))?;
///
/// let written = serde_json::to_string(&manager.save(now))?;
/// // The process ends. Another one has its targets before any discoverer has reported.
/// let state: SavedState<Rack> = serde_json::from_str(&written)?;
/// let mut manager = Manager::restore(now, ManagerOptions::default(), state);
/// manager.apply(now, sets);
/// assert_eq!(manager.snapshot(now).set("node").map(|set| set.target_count()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedState<C> {
    pub(crate) manager: Arc<str>,
    pub(crate) at: Instant,
    pub(crate) providers: Vec<SavedProvider<C>>,
}

/// What one provider had.
#[derive(Clone)]
pub struct SavedProvider<C> {
    pub(crate) config: Arc<C>,
    pub(crate) sets: Vec<Arc<str>>,
    pub(crate) first_whole: Option<Instant>,
    pub(crate) as_of: Option<Instant>,
    pub(crate) waited_out: bool,
    pub(crate) groups: Groups,
}

impl<C> SavedState<C> {
    /// The state of the manager called `manager` at `at`, for a driver that keeps it in a form of its own. The
    /// providers come in the order in which they were started.
    pub fn new(manager: impl Into<Arc<str>>, at: Instant, providers: Vec<SavedProvider<C>>) -> Self {
        Self {
            manager: manager.into(),
            at,
            providers,
        }
    }

    /// The name of the manager that saved it.
    pub fn manager(&self) -> &str {
        &self.manager
    }

    /// When it was saved.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The providers that had groups, had been read whole or waited for long enough, in the order in which they were
    /// started.
    pub fn providers(&self) -> &[SavedProvider<C>] {
        &self.providers
    }

    /// How many targets it has, each counted once for its provider.
    pub fn target_count(&self) -> usize {
        let counts = self.providers.iter().map(|provider| provider.groups.target_count());
        counts.fold(0, usize::saturating_add)
    }
}

impl<C> SavedProvider<C> {
    /// A provider that ran `config` for these sets, first read whole at `first_whole`, with these groups and when
    /// each of them changed. Of groups of one source the last one counts.
    pub fn new(
        config: C,
        sets: Vec<Arc<str>>,
        first_whole: Option<Instant>,
        groups: impl IntoIterator<Item = (Instant, Group)>,
    ) -> Self {
        Self {
            config: Arc::new(config),
            sets,
            first_whole,
            as_of: None,
            waited_out: false,
            groups: Groups::from_saved(groups.into_iter()),
        }
    }

    /// The same, last known to be so at another time than the state was saved: the one that saved it had not read the
    /// provider yet, and had this from one before.
    #[must_use]
    pub fn with_as_of(self, as_of: Option<Instant>) -> Self {
        Self { as_of, ..self }
    }

    /// The same, which was waited for long enough and had not been read whole then, or was not (B10).
    #[must_use]
    pub fn with_waited_out(self, waited_out: bool) -> Self {
        Self { waited_out, ..self }
    }

    /// What it ran.
    pub fn config(&self) -> &C {
        &self.config
    }

    /// The sets that showed it.
    pub fn sets(&self) -> &[Arc<str>] {
        &self.sets
    }

    /// When it was first read whole, if it was (B09): what comes after it need not wait for it.
    pub fn first_whole(&self) -> Option<Instant> {
        self.first_whole
    }

    /// When this was last known to be so, if not when the state was saved.
    pub fn as_of(&self) -> Option<Instant> {
        self.as_of
    }

    /// Whether it was waited for long enough, and had not been read whole (B10): who comes after it need not wait for it
    /// again, because its sets were delivered without it.
    pub fn is_waited_out(&self) -> bool {
        self.waited_out
    }

    /// Whether it had anything: groups, or that it knows of none.
    pub(crate) fn has_something(&self) -> bool {
        !self.groups.is_empty() || self.first_whole.is_some()
    }

    /// What it showed.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }
}

impl<C: fmt::Debug> fmt::Debug for SavedProvider<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SavedProvider");
        out.field("config", &self.config)
            .field("groups", &self.groups.len())
            .finish()
    }
}

impl Groups {
    /// These groups as no update of this life brought them, so that all that come count as newer. A
    /// clock that went back since they changed does not make them younger than now.
    pub(crate) fn restored(&self, now: Instant) -> Self {
        // What was read from a file has no updates, and mostly is older than now: a million groups need not be sorted
        // again for that.
        if self.iter().all(|stored| stored.is_saved() && stored.changed() <= now) {
            return self.clone();
        }
        Self::from_saved(
            self.iter()
                .map(|stored| (stored.changed().min(now), stored.group().clone())),
        )
    }

    /// Groups and when they changed; of several of one source the last one counts.
    pub(crate) fn from_saved(all: impl Iterator<Item = (Instant, Group)>) -> Self {
        let with_targets = all.filter(|(_, group)| group.target_count() > 0);
        let mut groups = Self::default();
        groups.put_all(
            with_targets
                .map(|(changed, group)| Stored::saved(group, changed))
                .collect(),
        );
        groups
    }
}
