//! The two configurations as the sets of one manager.
//!
//! The one rule: **a provider that both want is asked once.** The manager runs equal configs once, so
//! both sides see the same groups, and what differs between them is the configuration alone.

use headcount_discoverer::mechanism::SdConfig;
use serde::Serialize;

use headcount_service::Plan;

/// Which configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Old,
    New,
}

/// What a set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    Job,
    Alertmanagers,
}

impl Side {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl Use {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Alertmanagers => "alertmanagers",
        }
    }
}

/// The sets of both plans.
pub(super) fn sets(old: &Plan, new: &Plan) -> Vec<(String, Vec<SdConfig>)> {
    let of_side = |side, plan: &Plan| {
        let jobs = plan.scrape_sets().into_iter();
        let jobs = jobs.map(move |(name, configs)| (set_name(side, Use::Job, &name), configs));
        let alertmanagers = plan.notify_sets().into_iter();
        let alertmanagers =
            alertmanagers.map(move |(name, configs)| (set_name(side, Use::Alertmanagers, &name), configs));
        jobs.chain(alertmanagers).collect::<Vec<_>>()
    };
    let mut sets = of_side(Side::Old, old);
    sets.extend(of_side(Side::New, new));
    sets
}

/// What a side's set is called in the manager.
pub(super) fn set_name(side: Side, what: Use, name: &str) -> String {
    format!("{}/{}/{name}", side.word(), what.word())
}

/// Whose set this is.
pub(super) fn of_set_name(text: &str) -> Option<(Side, Use, &str)> {
    let mut parts = text.splitn(3, '/');
    let (side, what, name) = (parts.next()?, parts.next()?, parts.next()?);
    let side = [Side::Old, Side::New].into_iter().find(|known| known.word() == side)?;
    let what = [Use::Job, Use::Alertmanagers]
        .into_iter()
        .find(|known| known.word() == what)?;
    Some((side, what, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_are_read_back(name in "\\PC{0,8}|[a/]{0,6}") {
            for side in [Side::Old, Side::New] {
                for what in [Use::Job, Use::Alertmanagers] {
                    let text = set_name(side, what, &name);
                    prop_assert_eq!(of_set_name(&text), Some((side, what, name.as_str())));
                }
            }
        }
    }
}
