//! Who watches a run, and says when a rule is broken.
//!
//! * `contract`: what the manager is given against what it gives. Survives every fault: whatever
//!   discoverers report, right or wrong, the manager has to carry it on by the rules.
//!   `guard` and `held` are its part about drops, `fair` that about throttles, `waits` and `lists` those about who is
//!   waited for, `numbered` and `less` those about lists that discoverers read.
//! * `receiver`: what the receiver has against the truth. Survives the faults that `bounds` says
//!   it survives, which is to say: it demands nothing that a fault has made impossible.
//! * `pools`: what becomes of the targets of snapshots; `scrapes`: when they are scraped.
//! * `expect`: what the scenario expects beyond the rules.
//!
//! **Each watches at the cost of what changes**; comparisons of everything are sampled.

pub(crate) mod bounds;
mod compared;
pub(crate) mod contract;
pub(crate) mod expect;
mod fair;
mod given;
mod guard;
pub(crate) mod handover;
mod held;
mod less;
pub(crate) mod lists;
mod numbered;
pub(crate) mod pools;
pub(crate) mod receiver;
mod scrapes;
mod waits;

use headcount_core::ProviderId;

use crate::{Rule, Span, Violation};

/// A rule that was found broken.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) provider: Option<ProviderId>,
    pub(crate) target: Option<String>,
    pub(crate) reason: String,
}

pub(crate) type Verdict = Result<(), Box<Broken>>;

impl Broken {
    pub(crate) fn of(rule: Rule, reason: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            rule,
            provider: None,
            target: None,
            reason: reason.into(),
        })
    }

    pub(crate) fn by(mut self: Box<Self>, provider: ProviderId) -> Box<Self> {
        self.provider = Some(provider);
        self
    }

    pub(crate) fn about(mut self: Box<Self>, target: impl Into<String>) -> Box<Self> {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn at(self, at: Span, name: impl FnOnce(ProviderId) -> String) -> Violation {
        Violation {
            rule: self.rule,
            at,
            provider: self.provider.map(name),
            target: self.target,
            reason: self.reason,
        }
    }
}

/// Nothing, if both are equal; else the rule is broken.
pub(crate) fn same<T: PartialEq + core::fmt::Debug>(rule: Rule, what: &str, expected: &T, found: &T) -> Verdict {
    if expected == found {
        return Ok(());
    }
    Err(Broken::of(
        rule,
        format!("{what}: expected {expected:?}, found {found:?}"),
    ))
}
