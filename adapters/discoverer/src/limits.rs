//! What is taken of one provider at most.
//!
//! A backend that runs wild must not take the others with it. **What exceeds a bound is a failure**, which says how much
//! there is, how much is taken, and what changes that; what was found before stays.

use std::fmt;

use headcount_core::{Group, planted};

/// What changes how much of a body or a file is read, for messages.
pub const BODY_KNOB: &str = "more is read with --max-body-per-provider";

/// The bounds of each provider. The defaults fit a million targets with a dozen labels each.
///
/// ```
/// use headcount_discoverer::Limits;
///
/// let limits = Limits { targets: 5_000_000, ..Limits::default() };
/// assert!(limits.groups >= 1_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one answer or file, after decompression.
    pub body: u64,
    /// Groups.
    pub groups: usize,
    /// Targets.
    pub targets: usize,
    /// Labels of one target, with those of its group.
    pub labels: usize,
    /// Bytes that all groups take in memory.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 256 << 20,
            groups: 2_000_000,
            targets: 2_000_000,
            labels: 1_000,
            memory: 2 << 30,
        }
    }
}

/// What a provider has, as far as there are bounds for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Groups.
    pub groups: usize,
    /// Targets.
    pub targets: usize,
    /// Bytes in memory.
    pub memory: usize,
}

/// A bound that is exceeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has {found} {what}, and of one provider at most {limit} are taken; more with {knob}")]
pub struct Exceeded {
    what: What,
    found: usize,
    limit: usize,
    knob: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Groups,
    Targets,
    Memory,
    Labels { source: String },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups => f.write_str("groups"),
            Self::Targets => f.write_str("targets"),
            Self::Memory => f.write_str("bytes of groups"),
            Self::Labels { source } => write!(f, "labels on a target of {source}"),
        }
    }
}

impl Totals {
    /// Those of these groups.
    pub fn of<'g>(groups: impl IntoIterator<Item = &'g Group>) -> Self {
        let mut totals = Self::default();
        groups.into_iter().for_each(|group| totals.add(group));
        totals
    }

    /// With another group; one without targets is none.
    pub fn add(&mut self, group: &Group) {
        if group.target_count() > 0 {
            self.groups = self.groups.saturating_add(1);
            self.targets = self.targets.saturating_add(group.target_count());
            self.memory = self.memory.saturating_add(group.size_bytes());
        }
    }

    /// Without one.
    pub fn remove(&mut self, group: &Group) {
        if group.target_count() > 0 {
            self.groups = self.groups.saturating_sub(1);
            self.targets = self.targets.saturating_sub(group.target_count());
            self.memory = self.memory.saturating_sub(group.size_bytes());
        }
    }
}

impl Limits {
    /// Whether so much is taken.
    ///
    /// # Errors
    /// What is too much.
    pub fn check(&self, totals: Totals) -> Result<(), Exceeded> {
        let bounds = [
            (What::Groups, totals.groups, self.groups, "--max-groups-per-provider"),
            (
                What::Targets,
                totals.targets,
                self.targets,
                "--max-targets-per-provider",
            ),
            (What::Memory, totals.memory, self.memory, "--max-memory-per-provider"),
        ];
        let exceeded = bounds.into_iter().find(|(_, found, limit, _)| found > limit);
        exceeded.map_or(Ok(()), |(what, found, limit, knob)| {
            Err(Exceeded {
                what,
                found,
                limit,
                knob,
            })
        })
    }

    /// Whether no target of these groups has too many labels. Looks at each.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn check_labels<'g>(&self, groups: impl IntoIterator<Item = &'g Group>) -> Result<(), Exceeded> {
        for group in groups {
            let shared = group.labels().len();
            let most = group.targets().map(|target| target.len()).max().unwrap_or(0);
            let found = planted!(shared.saturating_add(most), SharedLabelsAreFree, most);
            if found > self.labels {
                return Err(Exceeded {
                    what: What::Labels {
                        source: group.source().to_owned(),
                    },
                    found,
                    limit: self.labels,
                    knob: "--max-labels-per-target",
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use headcount_core::Encoder;

    use super::*;

    #[test]
    fn labels_of_the_group_count_with_those_of_its_targets() {
        let mut encoder = Encoder::new();
        let mut batch = encoder.batch();
        let target = [("__address__", "a:1"), ("c", "d")];
        batch
            .group("s", [("a", "b"), ("e", "f")], [target])
            .expect("short strings");
        let groups = batch.finish();
        let of = |labels| Limits {
            labels,
            ..Limits::default()
        };
        assert_eq!(of(4).check_labels(&groups), Ok(()));
        let exceeded = of(3).check_labels(&groups).expect_err("it has four");
        assert!(
            exceeded.to_string().starts_with("it has 4 labels on a target of s"),
            "{exceeded}"
        );
    }
}
