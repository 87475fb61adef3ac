use std::time::Duration;

use headcount_core::{Failure, ProviderConfig, Update};

/// What a scripted discoverer says, and how long after its start.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub(crate) lines: Vec<(Duration, Line)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Line {
    Update(Update),
    Failure(Failure),
}

impl Script {
    /// Reports groups `after` its start.
    #[must_use]
    pub fn update(mut self, after: Duration, update: Update) -> Self {
        self.lines.push((after, Line::Update(update)));
        self
    }

    /// Reports a failure `after` its start.
    #[must_use]
    pub fn failure(mut self, after: Duration, failure: Failure) -> Self {
        self.lines.push((after, Line::Failure(failure)));
        self
    }
}

/// Names a script: the provider config of simulated managers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scripted(pub String);

impl ProviderConfig for Scripted {
    fn kind(&self) -> &str {
        "scripted"
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}
