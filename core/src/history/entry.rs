//! What an entry says.

use core::fmt;
use std::sync::Arc;

use crate::{Instant, ProviderId, Release};

/// Something that happened, once for all sets to which it happened in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub(super) at: Instant,
    pub(super) sets: Arc<[Arc<str>]>,
    pub(super) provider: Option<Arc<HistoryProvider>>,
    pub(super) what: Happening,
}

/// A provider as it is remembered, also when it is long gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryProvider {
    pub(super) id: ProviderId,
    pub(super) name: Arc<str>,
    pub(super) description: Arc<str>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// Targets came, went or changed.
    Targets(TargetsChange),
    /// The provider failed, and had not before: why.
    Failing(Arc<str>),
    /// The provider got a part only: what is missing.
    Partial(Arc<str>),
    /// The provider does well again.
    Recovered {
        /// How often it had failed in a row; none, if something was missing only.
        failures: u64,
    },
    /// The guard holds a drop of the provider's targets (B05), or another one than before.
    Held {
        /// The set that would lose too many.
        set: Arc<str>,
        /// Targets that are gone, and still shown.
        targets: usize,
        /// What the share is counted of.
        of: usize,
        /// When it counts if it stays so.
        until: Instant,
    },
    /// The guard holds nothing of the provider any more.
    Released {
        /// Targets that are shown no more.
        targets: usize,
        /// Why.
        why: Release,
    },
    /// The provider failed for so long that its targets are no longer shown (B04).
    Expired {
        /// How many.
        targets: usize,
    },
    /// The provider can't be run (S11): why.
    CannotRun(Arc<str>),
    /// The provider's discoverer has a warning about what it read.
    Warned(Arc<str>),
    /// Sets were configured.
    Reloaded {
        /// Providers that were started.
        started: usize,
        /// Providers that were stopped.
        stopped: usize,
        /// Providers that went on.
        kept: usize,
    },
    /// A member of those among whom targets are shared out came or went.
    Member {
        /// Its name.
        name: Arc<str>,
        /// What became of it.
        change: MemberChange,
        /// How many targets it had then: of one that came, those that it is to scrape.
        targets: usize,
    },
    /// Sets were to be configured, and what they were to be is wrong: how. What was there went on.
    ReloadRefused(Arc<str>),
}

/// What became of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberChange {
    /// It is there.
    Joined,
    /// It was taken out, and keeps each target until another member has begun with it.
    Retired,
    /// It no longer asks, and nobody scrapes what it had until others have begun.
    Lost,
}

/// Targets that came, went or changed: one, or so many by one update that not all are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetsChange {
    pub(super) kind: ChangeKind,
    pub(super) cause: Cause,
    pub(super) source: Option<Arc<str>>,
    pub(super) addresses: Addresses,
    pub(super) labels: Arc<[Arc<str>]>,
}

/// What became of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// They are gone.
    Disappeared,
    /// They are there.
    Appeared,
    /// They have other labels at the same address.
    Changed,
}

/// What made targets come, go or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The provider reported it.
    Update,
    /// The sets were configured to read other providers.
    Configuration,
    /// A drop of the provider's targets was held, and let go.
    Released(Release),
    /// The provider failed for too long, and its targets are too old (B04).
    Expired,
    /// The provider can't be run.
    CannotRun,
    /// The manager was restored with them.
    Restored,
}

/// The addresses of targets: of one, or the first of many.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    count: usize,
    /// One after another.
    text: Box<str>,
    /// Where each ends, if there is more than one.
    ends: Box<[u32]>,
}

impl HistoryEntry {
    /// When it happened: of targets, when the snapshot was made that was the first to show it.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The sets to which it happened, sorted; none, if to no particular one.
    pub fn sets(&self) -> &[Arc<str>] {
        &self.sets
    }

    /// The provider to which it happened, or whose targets they are.
    pub fn provider(&self) -> Option<&HistoryProvider> {
        self.provider.as_deref()
    }

    /// What happened.
    pub fn what(&self) -> &Happening {
        &self.what
    }

    /// The targets, if they came, went or changed.
    pub fn targets(&self) -> Option<&TargetsChange> {
        match &self.what {
            Happening::Targets(change) => Some(change),
            _ => None,
        }
    }
}

impl HistoryProvider {
    /// The provider.
    pub fn id(&self) -> ProviderId {
        self.id
    }

    /// Its name, `kind/N`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it discovers, for people.
    pub fn description(&self) -> &Arc<str> {
        &self.description
    }
}

impl TargetsChange {
    /// Whether they came, went or changed.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// What made them.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The source of their group; `None` where they are of more than one.
    pub fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    /// Their addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The names of the first labels that are others than before, sorted, of targets that changed.
    pub fn labels(&self) -> &[Arc<str>] {
        &self.labels
    }
}

impl Addresses {
    /// Of `count` targets, these; at most `most_bytes` of text, but the first in any case.
    pub(super) fn of<'a>(count: usize, all: impl IntoIterator<Item = &'a str>, most_bytes: usize) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for address in all {
            let end = text.len().saturating_add(address.len());
            if !ends.is_empty() && end > most_bytes {
                break;
            }
            let Ok(marked) = u32::try_from(end) else { break };
            text.push_str(address);
            ends.push(marked);
        }
        if ends.len() == 1 {
            ends.clear();
        }
        Self {
            count,
            text: text.into(),
            ends: ends.into(),
        }
    }

    /// How many targets there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many of them are listed.
    pub fn listed(&self) -> usize {
        self.ends.len().max(1)
    }

    /// How many of them are not listed: a host that is not in the list may be one of them.
    pub fn unlisted(&self) -> usize {
        self.count.saturating_sub(self.listed())
    }

    /// Those that are listed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let one = self.ends.is_empty().then_some(&*self.text);
        let mut begin = 0;
        let many = self.ends.iter().filter_map(move |end| {
            let end = *end as usize;
            let address = self.text.get(begin..end);
            begin = end;
            address
        });
        one.into_iter().chain(many)
    }

    /// The bytes of text and of marks in it.
    pub(super) fn text_bytes(&self) -> usize {
        let marks = size_of::<u32>().saturating_mul(self.ends.len());
        self.text.len().saturating_add(marks)
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.iter());
        if self.unlisted() > 0 {
            list.entry(&format_args!("and {} more", self.unlisted()));
        }
        list.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_listed_as_far_as_there_is_room() {
        let listed = |count, all: &[&str], most| format!("{:?}", Addresses::of(count, all.iter().copied(), most));
        assert_eq!(listed(1, &["a:1"], 0), r#"["a:1"]"#);
        assert_eq!(listed(1, &[""], 9), r#"[""]"#);
        assert_eq!(listed(3, &["a:1", "", "bb:1"], 9), r#"["a:1", "", "bb:1"]"#);
        assert_eq!(listed(3, &["a:1", "bb:1", "c:1"], 7), r#"["a:1", "bb:1", and 1 more]"#);
        assert_eq!(listed(3, &["a:1", "bb:1", "c:1"], 2), r#"["a:1", and 2 more]"#);
    }
}
