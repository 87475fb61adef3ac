//! What discoverers report: [`Update`]s and [`Failure`]s.

use core::time::Duration;

use crate::Group;

/// Groups that a discoverer found, by source.
#[derive(Debug, Clone)]
#[must_use = "an update does nothing until a manager handles it"]
pub struct Update {
    pub(crate) kind: UpdateKind,
    pub(crate) groups: Vec<Group>,
    pub(crate) duration: Option<Duration>,
}

/// What an update says of the sources that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// They are gone (S05).
    Full,
    /// They stay as they are (S04).
    Delta,
}

impl Update {
    /// Everything there is: sources that are not named are removed (S05).
    pub fn full(groups: Vec<Group>) -> Self {
        Self {
            kind: UpdateKind::Full,
            groups,
            duration: None,
        }
    }

    /// The groups that are named, and no more (S04). A group without targets removes its source.
    /// When a source is named twice, the last one counts.
    pub fn delta(groups: Vec<Group>) -> Self {
        Self {
            kind: UpdateKind::Delta,
            groups,
            duration: None,
        }
    }

    /// A refresh that found everything as it was. It counts as a success, and changes nothing.
    pub fn unchanged() -> Self {
        Self::delta(Vec::new())
    }

    /// Says how long the refresh took.
    pub fn took(self, duration: Duration) -> Self {
        Self {
            duration: Some(duration),
            ..self
        }
    }

    /// Whether sources that are not named are removed.
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
}

/// A refresh that failed. What was found before stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    duration: Option<Duration>,
}

impl Failure {
    /// A failure, with what was being done, to what, and what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            duration: None,
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

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How long the refresh took, where that is known.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
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
