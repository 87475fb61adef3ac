//! The providers of a set, and those that stand in for some of them (B03).

use core::fmt;

use crate::ProviderId;

/// The providers of a set, in the order in which they are shown.
///
/// ```text
///   wanted, in the order of the configs      predecessors, which stay until all
///  ┌──────────────────────────────────┐      successors can be believed
///   file/0      http/7      dns/8             http/1      dns/2
///               ╰─ successors ─╯
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Members {
    all: Box<[ProviderId]>,
    wanted: usize,
    /// Those of the wanted ones that are waited for. There are some exactly if there are predecessors.
    successors: Box<[ProviderId]>,
}

impl Members {
    /// These, and nobody stands in for any.
    pub(crate) fn of(wanted: Vec<ProviderId>) -> Self {
        Self {
            wanted: wanted.len(),
            all: wanted.into(),
            successors: Box::default(),
        }
    }

    /// The wanted ones, with `predecessors` until no `successors` are left.
    pub(crate) fn new(wanted: Vec<ProviderId>, predecessors: &[ProviderId], successors: Vec<ProviderId>) -> Self {
        if predecessors.is_empty() || successors.is_empty() {
            return Self::of(wanted);
        }
        let count = wanted.len();
        let mut all = wanted;
        all.extend_from_slice(predecessors);
        Self {
            all: all.into(),
            wanted: count,
            successors: successors.into(),
        }
    }

    /// All that are shown.
    pub(crate) fn all(&self) -> &[ProviderId] {
        &self.all
    }

    /// Those that the set's configs name.
    pub(crate) fn wanted(&self) -> &[ProviderId] {
        self.all.get(..self.wanted).unwrap_or_default()
    }

    /// Those that are shown until their successors can be believed.
    pub(crate) fn predecessors(&self) -> &[ProviderId] {
        self.all.get(self.wanted..).unwrap_or_default()
    }

    /// Those that are waited for, and for which the predecessors stand in.
    pub(crate) fn successors(&self) -> &[ProviderId] {
        &self.successors
    }

    /// Whether predecessors stand in for this one.
    pub(crate) fn awaits(&self, id: ProviderId) -> bool {
        self.successors.contains(&id)
    }

    /// The same when a successor need not be waited for any more.
    pub(crate) fn without_successor(&self, id: ProviderId) -> Self {
        let left = |other: &&ProviderId| **other != id;
        let successors = self.successors.iter().filter(left).copied().collect();
        Self::new(self.wanted().to_vec(), self.predecessors(), successors)
    }

    /// The same without a provider that there is no more. A successor that can't be run is waited for all the same:
    /// what it was to take the place of is all that there is.
    pub(crate) fn without(&self, id: ProviderId) -> Self {
        let left = |other: &&ProviderId| **other != id;
        let wanted = self.wanted().iter().filter(left).copied().collect();
        let predecessors: Vec<ProviderId> = self.predecessors().iter().filter(left).copied().collect();
        let successors = planted!(
            self.successors.to_vec(),
            UnbuildableSuccessorEndsIt,
            self.successors.iter().filter(left).copied().collect()
        );
        Self::new(wanted, &predecessors, successors)
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.successors.is_empty() {
            return f.debug_list().entries(&*self.all).finish();
        }
        f.debug_struct("Members")
            .field("wanted", &self.wanted())
            .field("predecessors", &self.predecessors())
            .field("successors", &self.successors())
            .finish()
    }
}
