//! `defaults.throttle`: how soon changes are seen.

use headcount_core::Throttle;
use headcount_reader::{Cursor, Fields, ProblemKind};

pub(super) const FIELD: &str = "throttle";

/// How soon changes are seen. What is absent is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThrottleSettings {
    /// `policy`.
    pub policy: Option<Throttle>,
    /// `per_set`: whether each job has a throttle of its own, so that one that churns does not slow the others (B06).
    pub per_set: Option<bool>,
}

impl ThrottleSettings {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let Some(at) = fields.take_some(FIELD) else {
            return Self::default();
        };
        if at.is_scalar() {
            at.report(ProblemKind::Rule(
                "write a mapping, such as {policy: 'backoff:100ms..5s', per_set: true}",
            ));
            return Self::default();
        }
        let Some(mut inside) = at.fields() else {
            return Self::default();
        };
        let settings = Self {
            policy: inside.take_some("policy").and_then(|at| policy(&at)),
            per_set: inside.some_flag("per_set"),
        };
        inside.finish();
        settings
    }

    /// Refuses what stands in a job.
    pub(super) fn refuse(fields: &mut Fields<'_>) {
        if let Some(at) = fields.take(FIELD) {
            at.report(ProblemKind::Rule(
                "there is one throttle for all jobs, in `defaults`; with `per_set: true` a job that churns does not slow the others",
            ));
        }
    }
}

fn policy(at: &Cursor<'_>) -> Option<Throttle> {
    let text = at.text()?;
    let parsed = text.parse();
    parsed
        .map_err(|error| at.report(ProblemKind::Throttle { text, error }))
        .ok()
}
