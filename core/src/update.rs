//! What discoverers report: [`Update`]s and [`Failure`]s.

use core::time::Duration;

use crate::{Group, Missing};

/// Groups that a discoverer found, by source.
///
/// | report | of a source that it names | of the others | a read without any error (B09) |
/// |---|---|---|---|
/// | [`full`](Self::full) | this is its group | they are gone | yes |
/// | [`delta`](Self::delta) | this is its group | they stay | no: it says nothing of the others |
/// | [`completing`](Self::completing) | this is its group | they stay | yes, with the deltas before it |
/// | [`partial`](Self::partial) | this is its group | they stay | no: something could not be got |
/// | [`Failure`] | – | all stay | no |
///
/// A group without targets removes its source. When a source is named twice, the last one counts.
#[derive(Debug, Clone)]
#[must_use = "an update does nothing until a manager handles it"]
pub struct Update {
    pub(crate) kind: UpdateKind,
    pub(crate) groups: Vec<Group>,
    duration: Option<Duration>,
    /// There for a partial update, and for no other.
    missing: Option<Missing>,
    kept: usize,
}

/// What an update says of the sources that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// They are gone: this is all there is (S05).
    Full,
    /// They stay as they are (S04).
    Delta,
    /// They stay as they are, and with them this is all there is: the last of the deltas that a
    /// discoverer needed to report everything once.
    Completing,
    /// They stay as they are, because the discoverer could not get everything.
    Partial,
}

impl Update {
    /// Everything there is: sources that are not named are removed (S05).
    pub fn full(groups: Vec<Group>) -> Self {
        Self::new(UpdateKind::Full, groups)
    }

    /// The groups that are named, and no more (S04).
    ///
    /// A discoverer does not begin with one, or ends the first ones with a [`completing`](Self::completing) one:
    /// until something is all there is, the provider was not read whole (B09), and what it takes the place of stays
    /// (B03).
    pub fn delta(groups: Vec<Group>) -> Self {
        Self::new(UpdateKind::Delta, groups)
    }

    /// As [`delta`](Self::delta), and with it everything has been reported: the end of a first listing
    /// that came in parts, such as the pages of a large backend. The provider has been read whole
    /// then (B09), which deltas alone never say.
    pub fn completing(groups: Vec<Group>) -> Self {
        Self::new(UpdateKind::Completing, groups)
    }

    /// The groups that could be got, and what could not. What is neither named here nor got stays as
    /// it was; a group without targets still removes its source, so it is for what is known to be gone.
    ///
    /// The provider's health names what is missing until its next report. A discoverer for which it is
    /// still missing then says so again.
    pub fn partial(groups: Vec<Group>, missing: Missing) -> Self {
        Self {
            missing: Some(missing),
            ..Self::new(UpdateKind::Partial, groups)
        }
    }

    /// A refresh that found everything as it was. It counts as a success, and changes nothing.
    pub fn unchanged() -> Self {
        Self::delta(Vec::new())
    }

    fn new(kind: UpdateKind, groups: Vec<Group>) -> Self {
        Self {
            kind,
            groups,
            duration: None,
            missing: None,
            kept: 0,
        }
    }

    /// Says how long the refresh took.
    pub fn took(self, duration: Duration) -> Self {
        Self {
            duration: Some(duration),
            ..self
        }
    }

    /// Says of a partial update how many groups of those before stay as they were because they could not be got, for
    /// who tells how much is stale. Mechanisms know that, and managers don't: what an update does not name may also be
    /// what was read and is as it was.
    pub fn keeping(self, kept: usize) -> Self {
        Self { kept, ..self }
    }

    /// How many groups stay as they were because they could not be got, as far as that was said.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// What it says of the sources that it does not name.
    pub fn kind(&self) -> UpdateKind {
        self.kind
    }

    /// The groups that are named, in order.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How long the refresh took, where that is known.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// What a partial update could not get.
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }
}

/// A refresh that failed. What was found before stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    duration: Option<Duration>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// A failure, with what was being done, to what, and what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            duration: None,
            retry_after: None,
        }
    }

    /// Says how long the refresh took.
    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self {
            duration: Some(duration),
            ..self
        }
    }

    /// Says after how long it will be tried again.
    #[must_use]
    pub fn retry_in(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How long the refresh took, where that is known.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// After how long it will be tried again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// What an update changed in what snapshots show, in sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateOutcome {
    /// Sources that are new.
    pub added: usize,
    /// Sources whose group is another than before.
    pub changed: usize,
    /// Sources that are gone.
    pub removed: usize,
    /// Sources whose group is as it was.
    pub unchanged: usize,
    /// Targets that are gone and that the guard still shows (B05).
    pub held: usize,
}

impl UpdateOutcome {
    /// Whether nothing changed (B01).
    pub fn is_unchanged(&self) -> bool {
        self.added == 0 && self.changed == 0 && self.removed == 0
    }
}
