//! Versions of the core that take each other's place.

use headcount_core::STATE_FORMAT;
use serde::{Deserialize, Serialize};

use super::{Manager, ReloadMode, ThrottleSetting};

/// A version of the core, as far as a run can tell it from another one. What is not said is as in the
/// version that it takes the place of.
///
/// Between versions defaults change, such as the throttle between Prometheus 2 and 3, and the format in
/// which a manager saves what it has. **A version reads its own format and those before**; a state of a
/// later one it refuses, and starts from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    /// How often it may emit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSetting>,
    /// What a reload does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload: Option<ReloadMode>,
    /// The number of the format in which it saves; the first version has 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
}

impl Version {
    /// A version that saves in this format.
    pub fn with_format(format: u32) -> Self {
        Self {
            format: Some(format),
            ..Self::default()
        }
    }

    /// Sets how often it may emit.
    #[must_use]
    pub fn throttle(self, throttle: ThrottleSetting) -> Self {
        Self {
            throttle: Some(throttle),
            ..self
        }
    }

    /// Sets what a reload does.
    #[must_use]
    pub fn reload(self, reload: ReloadMode) -> Self {
        Self {
            reload: Some(reload),
            ..self
        }
    }
}

/// The version that runs: nothing is left unsaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) throttle: ThrottleSetting,
    pub(crate) reload: ReloadMode,
    pub(crate) format: u32,
}

impl Running {
    /// The version with which a run starts.
    pub(crate) fn first(manager: &Manager) -> Self {
        Self {
            throttle: manager.throttle,
            reload: manager.reload,
            format: 1,
        }
    }

    /// The version that takes the place of this one.
    pub(crate) fn then(self, next: Version) -> Self {
        Self {
            throttle: next.throttle.unwrap_or(self.throttle),
            reload: next.reload.unwrap_or(self.reload),
            format: next.format.unwrap_or(self.format),
        }
    }

    /// Whether this version reads what that one wrote.
    pub(crate) fn reads(self, format: u32) -> bool {
        format <= self.format
    }

    /// What another version wrote, as the real core would find it if it were this one: the core knows one
    /// format, so a later one than this version's has to be a later one than the core's.
    pub(crate) fn as_found(self, written: &str, format: u32) -> String {
        let stands_for = STATE_FORMAT.saturating_add(format.saturating_sub(self.format));
        let (is, becomes) = (head(STATE_FORMAT), head(stands_for));
        match written.strip_prefix(&is) {
            Some(rest) => becomes + rest,
            None => written.to_owned(),
        }
    }
}

fn head(format: u32) -> String {
    format!("{{\"format\":{format},")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn what_is_not_said_stays() {
        let first = Running::first(&Manager::default());
        let ticker = ThrottleSetting::Ticker(Span::secs(5));
        let second = first.then(Version::with_format(2).throttle(ticker));
        assert_eq!(
            (second.throttle, second.reload, second.format),
            (ticker, first.reload, 2)
        );
        assert_eq!(second.then(Version::default()), second);
    }

    #[test]
    fn a_later_format_is_found_as_one_that_the_core_does_not_know() {
        let first = Running::first(&Manager::default());
        let later = first.then(Version::with_format(3));
        let written = head(STATE_FORMAT) + r#""manager":""}"#;
        let unknown = head(STATE_FORMAT + 2) + r#""manager":""}"#;
        assert_eq!(first.as_found(&written, 3), unknown);
        assert_eq!(later.as_found(&written, 3), written);
        assert_eq!(later.as_found(&written, 1), written);
        assert!(later.reads(1) && !first.reads(3));
    }
}
