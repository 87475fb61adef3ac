//! Carrying rules out.

use super::compiled::{Action, Compiled, Computed};
use super::draft::{Draft, TooLarge};
use super::layout::{Layouts, Plan, Target};
use super::memory::Memory;
use super::{NameValidation, Relabeling, case, number};

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is kept.
    Kept,
    /// A rule dropped it.
    Dropped {
        /// The rule, counted from 0.
        rule: u32,
    },
    /// A rule made a value, a name or a number of labels that is beyond any use, as rules that
    /// double something do.
    TooLarge {
        /// The rule, counted from 0.
        rule: u32,
    },
}

/// Carries the rules of a [`Relabeling`] out, and remembers what it worked out.
///
/// What is remembered is bounded, and never shows in a result.
///
/// ```
/// use headcount_core::relabel::{NameValidation, Relabeler, Relabeling, RelabelRule, RuleRegex, SourceLabels, Verdict};
///
/// let rule = RelabelRule::Replace {
///     source: SourceLabels { names: vec!["__address__".to_owned()], ..SourceLabels::default() },
///     regex: RuleRegex::new("([^:]+):.*"),
///     target_label: "host".to_owned(),
///     replacement: "$1".to_owned(),
/// };
/// let relabeling = Relabeling::compile([rule], NameValidation::Utf8)?;
/// let mut relabeler = Relabeler::new(relabeling);
/// let (verdict, labels) = relabeler.relabel([("__address__", "web1:80")]);
/// assert_eq!(verdict, Verdict::Kept);
/// assert_eq!(labels[1], ("host".to_owned(), "web1".to_owned()));
/// # Ok::<(), headcount_core::relabel::RelabelError>(())
/// ```
#[derive(Debug)]
pub struct Relabeler {
    relabeling: Relabeling,
    machine: Machine,
}

/// What changes while rules are carried out.
#[derive(Debug)]
struct Machine {
    layouts: Layouts,
    memories: Box<[Memory]>,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    joined: String,
    name: String,
    value: String,
}

impl Relabeler {
    /// Knows nothing yet.
    pub fn new(relabeling: Relabeling) -> Self {
        let memories = relabeling.compiled().iter().map(|_| Memory::default()).collect();
        Self {
            relabeling,
            machine: Machine {
                layouts: Layouts::default(),
                memories,
                scratch: Scratch::default(),
            },
        }
    }

    /// The rules.
    pub fn relabeling(&self) -> &Relabeling {
        &self.relabeling
    }

    /// Relabels a set, and gives it back sorted by name. A label that is given twice has the
    /// value that was given last; a label with an empty value counts as absent.
    pub fn relabel<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Verdict, Vec<(String, String)>) {
        self.give_back();
        let mut draft = Draft::new();
        let verdict = match self.fill(&mut draft, labels) {
            Ok(()) => self.run(&mut draft),
            Err(TooLarge) => Verdict::TooLarge { rule: 0 },
        };
        (verdict, self.sorted(&draft))
    }

    /// Makes `draft` a set of labels.
    pub(super) fn fill<'a>(
        &mut self,
        draft: &mut Draft<'a>,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), TooLarge> {
        let empty = self.machine.layouts.layout(&[]);
        draft.start(empty);
        for (name, value) in labels {
            draft.set_named(&mut self.machine.layouts, name, value)?;
        }
        Ok(())
    }

    /// A draft's labels, sorted by name.
    pub(super) fn sorted(&self, draft: &Draft<'_>) -> Vec<(String, String)> {
        let labels = draft.iter(&self.machine.layouts);
        let mut labels: Vec<_> = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        labels.sort_unstable();
        labels
    }

    pub(crate) fn layouts(&self) -> &Layouts {
        &self.machine.layouts
    }

    pub(crate) fn layouts_mut(&mut self) -> &mut Layouts {
        &mut self.machine.layouts
    }

    /// Forgets layouts if there are too many; to be called between targets. Says whether the
    /// layouts' numbers have lost their meaning.
    pub(crate) fn give_back(&mut self) -> bool {
        self.machine.layouts.give_back()
    }

    /// Carries all rules out, until one drops the target.
    #[inline]
    pub(crate) fn run(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let names = self.relabeling.names();
        for (place, rule) in self.relabeling.compiled().iter().enumerate() {
            match self.machine.step(names, place, rule, draft) {
                Ok(true) => {}
                Ok(false) => return Verdict::Dropped { rule: number(place) },
                Err(TooLarge) => return Verdict::TooLarge { rule: number(place) },
            }
        }
        Verdict::Kept
    }

    /// Carries one rule out, and says whether it keeps the target.
    pub(super) fn step(&mut self, place: usize, rule: &Compiled, draft: &mut Draft<'_>) -> Result<bool, TooLarge> {
        self.machine.step(self.relabeling.names(), place, rule, draft)
    }
}

impl Machine {
    fn step(
        &mut self,
        names: NameValidation,
        place: usize,
        rule: &Compiled,
        draft: &mut Draft<'_>,
    ) -> Result<bool, TooLarge> {
        let plan = self.layouts.plan(draft.layout(), place, rule);
        let (sources, target) = match plan {
            Plan::TooLarge => return Err(TooLarge),
            Plan::Names { from, to } => {
                draft.rearrange(from, *to);
                return Ok(true);
            }
            Plan::Values { sources, target } => (sources, *target),
        };
        let Some(memory) = self.memories.get_mut(place) else {
            return Ok(true);
        };
        let Scratch { joined, name, value } = &mut self.scratch;
        value.clear();
        match &rule.action {
            // Their plans are done with above.
            Action::Map { .. } | Action::Remove { .. } => {}
            Action::Filter { regex, unless } => {
                let source = draft.join(sources, &rule.separator, joined);
                let matches = memory
                    .recall(source, value, |source, _| regex.is_match(source))
                    .is_some();
                return Ok(matches == *unless);
            }
            Action::Compare { unless, .. } => {
                let other = match target {
                    Target::Present { slot, .. } => draft.value(slot),
                    _ => "",
                };
                let source = draft.join(sources, &rule.separator, joined);
                return Ok((source == other) == *unless);
            }
            Action::Set { what, .. } => match what {
                Computed::Source if sources.len() == 1 => {
                    draft.set_to_slot(target, sources.first().copied().flatten())?;
                }
                Computed::Source => {
                    value.push_str(draft.join(sources, &rule.separator, joined));
                    draft.set(target, value)?;
                }
                Computed::Text(text) => draft.set(target, text)?,
                Computed::Template { regex, value: template } => {
                    let source = draft.join(sources, &rule.separator, joined);
                    let made = memory.recall(source, value, |source, out| regex.expand(source, [(template, out)]));
                    if made.is_some() {
                        draft.set(target, value)?;
                    }
                }
                Computed::Hash(modulus) => {
                    let source = draft.join(sources, &rule.separator, joined);
                    memory.recall(source, value, |source, out| {
                        push_hash(source, *modulus, out);
                        true
                    });
                    draft.set(target, value)?;
                }
                Computed::Lower => {
                    case::push_lower(draft.join(sources, &rule.separator, joined), value);
                    draft.set(target, value)?;
                }
                Computed::Upper => {
                    case::push_upper(draft.join(sources, &rule.separator, joined), value);
                    draft.set(target, value)?;
                }
            },
            Action::SetNamed {
                regex,
                target: target_name,
                value: template,
            } => {
                name.clear();
                let source = draft.join(sources, &rule.separator, joined);
                let matches = regex.expand(source, [(target_name, name), (template, value)]);
                if matches && names.allows(name) {
                    draft.set_named(&mut self.layouts, name, value)?;
                }
            }
        }
        Ok(true)
    }
}

/// Prometheus's hash: the last eight bytes of the source's MD5 as a big-endian number.
fn push_hash(source: &str, modulus: core::num::NonZeroU64, out: &mut String) {
    use core::fmt::Write;
    let digest = u128::from_be_bytes(md5::compute(source).0);
    // Writing to a string does not fail.
    let _ = write!(out, "{}", (digest as u64) % modulus);
}
