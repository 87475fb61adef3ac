//! Carrying rules out.

use core::fmt::Write;

use super::compiled::{Action, Compiled, Computed};
use super::draft::{Draft, TooLarge};
use super::layout::{Layouts, Plan, Target};
use super::matcher::Groups;
use super::memory::{Memory, Outcome};
use super::texts::{TextId, Texts};
use super::{NameValidation, Relabeling, case, number};
use crate::MAX_VALUE_BYTES;

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
pub(super) struct Machine {
    pub(super) layouts: Layouts,
    pub(super) texts: Texts,
    pub(super) memories: Box<[Memory]>,
    pub(super) scratch: Scratch,
}

#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) joined: String,
    pub(super) name: String,
    pub(super) value: String,
    /// A replacement with labels filled in.
    pub(super) filled: String,
    /// Where each of several values that stand in `value` ends.
    pub(super) ends: Vec<usize>,
}

impl Relabeler {
    /// Knows nothing yet.
    pub fn new(relabeling: Relabeling) -> Self {
        let memories = relabeling.compiled().iter().map(|_| Memory::default()).collect();
        Self {
            relabeling,
            machine: Machine {
                layouts: Layouts::default(),
                texts: Texts::default(),
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
        let labels = draft.iter(&self.machine.layouts, &self.machine.texts);
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

    pub(crate) fn texts(&self) -> &Texts {
        &self.machine.texts
    }

    pub(crate) fn texts_mut(&mut self) -> &mut Texts {
        &mut self.machine.texts
    }

    /// Forgets what it knows if that is too much; to be called between targets. Says whether the
    /// numbers of layouts and texts have lost their meaning.
    #[inline]
    pub(crate) fn give_back(&mut self) -> bool {
        if !self.machine.layouts.is_full() && !self.machine.texts.is_full() {
            return false;
        }
        self.machine.layouts = Layouts::default();
        self.machine.texts = Texts::default();
        self.machine.memories.iter_mut().for_each(Memory::forget_numbers);
        true
    }

    /// Carries all rules out, until one drops the target.
    #[inline]
    pub(crate) fn run(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let names = self.relabeling.names();
        self.begin(draft);
        for (place, rule) in self.relabeling.compiled().iter().enumerate() {
            match self.machine.step(names, place, rule, draft) {
                Ok(true) => {}
                Ok(false) => return Verdict::Dropped { rule: number(place) },
                Err(TooLarge) => return Verdict::TooLarge { rule: number(place) },
            }
        }
        Verdict::Kept
    }

    /// What comes before the first rule: vmagent sorts labels, which shows where rules depend on their order.
    #[inline]
    pub(super) fn begin(&mut self, draft: &mut Draft<'_>) {
        if self.relabeling.is_sorted {
            self.machine.sort(draft);
        }
    }

    /// Carries one rule out, and says whether it keeps the target.
    pub(super) fn step(&mut self, place: usize, rule: &Compiled, draft: &mut Draft<'_>) -> Result<bool, TooLarge> {
        self.machine.step(self.relabeling.names(), place, rule, draft)
    }

    /// Whether the rule's condition is true of the labels, if it has one.
    pub(super) fn applies(&mut self, place: usize, rule: &Compiled, draft: &Draft<'_>) -> Option<bool> {
        let condition = rule.condition.as_deref()?;
        Some(self.machine.holds(condition, place, draft))
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
        if let Some(condition) = &rule.condition
            && !self.holds(condition, place, draft)
        {
            return Ok(!condition.drops_others);
        }
        if let Action::Fill(fill) = &rule.action {
            return self.fill(names, place, rule, fill, draft).map(|()| true);
        }
        let (sources, target) = match self.layouts.plan(draft.layout(), place, rule) {
            Plan::TooLarge => return Err(TooLarge),
            Plan::Names { to } => {
                draft.rearrange(*to);
                return Ok(true);
            }
            Plan::Values { sources, target } => (&**sources, *target),
        };
        let Some(memory) = self.memories.get_mut(place) else {
            return Ok(true);
        };
        let mut bench = Bench {
            texts: &mut self.texts,
            scratch: &mut self.scratch,
            memory,
            rule,
            sources,
        };
        match &rule.action {
            // They are done with above.
            Action::Map { .. } | Action::Remove { .. } | Action::Rename { .. } | Action::Fill(_) => {}
            Action::Filter { regex, unless } => {
                let made = bench.work_out(draft, |source, _, _| regex.is_match(source));
                return Ok((made != Made::Nothing) == *unless);
            }
            Action::Compare { unless, .. } => return Ok(bench.is_equal(draft, target) == *unless),
            Action::AllEqual { unless } => return Ok(bench.are_equal(draft) == *unless),
            Action::Contains { unless, .. } => return Ok(bench.contains(draft, target) == *unless),
            Action::Graphite(graphite) => {
                let name = sources.first().copied().flatten();
                self.graphite(graphite, draft, name)?;
            }
            Action::Set { what, .. } => {
                if let (Computed::Source, [slot]) = (what, sources) {
                    draft.set_to_slot(target, *slot)?;
                    return Ok(true);
                }
                let made = bench.compute(draft, what);
                match made {
                    Made::Nothing => {}
                    Made::Known(text) => draft.set_known(target, text)?,
                    Made::Text => draft.set(target, &self.scratch.value)?,
                }
            }
            Action::SetNamed {
                regex,
                target: target_name,
                value: template,
            } => {
                let Scratch {
                    joined, name, value, ..
                } = &mut self.scratch;
                name.clear();
                value.clear();
                let source = draft.join(&self.texts, sources, &rule.separator, joined);
                let templates = [(target_name, &mut *name), (template, &mut *value)];
                if regex.expand(source, &mut memory.groups, templates) && names.allows(name) {
                    draft.set_named(&mut self.layouts, name, value)?;
                }
            }
        }
        Ok(true)
    }
}

/// What one rule works with on one target.
struct Bench<'m> {
    texts: &'m mut Texts,
    scratch: &'m mut Scratch,
    memory: &'m mut Memory,
    rule: &'m Compiled,
    /// Where the source's labels stand.
    sources: &'m [Option<u32>],
}

/// What a rule made of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// It does not match.
    Nothing,
    /// A text that has a number.
    Known(TextId),
    /// What stands in [`Scratch::value`].
    Text,
}

impl Bench<'_> {
    /// What a rule that sets a label makes of its source.
    #[inline]
    fn compute(&mut self, draft: &mut Draft<'_>, what: &Computed) -> Made {
        match what {
            Computed::Source => self.put_together(draft),
            Computed::Text(text) => self.work_out(draft, |_, out, _| {
                out.push_str(text);
                true
            }),
            Computed::Template { regex, value } => self.work_out(draft, |source, out, groups| {
                regex.expand(source, groups, [(value, out)])
            }),
            Computed::Hash(modulus) => self.work_out(draft, |source, out, _| {
                push_hash(source, *modulus, out);
                true
            }),
            Computed::XxHash(modulus) => self.work_out(draft, |source, out, _| {
                // Its remainder becomes a signed number there.
                let remainder = (xxhash(source) % *modulus).cast_signed();
                write!(out, "{remainder}").is_ok()
            }),
            Computed::ReplaceAll { regex, value } => self.work_out(draft, |source, out, _| {
                value.replace_all(source, regex, MAX_VALUE_BYTES, out) && out != source
            }),
            Computed::Lower => self.work_out(draft, |source, out, _| {
                case::push_lower(source, out);
                true
            }),
            Computed::Upper => self.work_out(draft, |source, out, _| {
                case::push_upper(source, out);
                true
            }),
        }
    }

    /// What the rule makes of its source by `make`, which says whether the rule matches and
    /// appends the result; or what it is known to make of it.
    #[inline]
    fn work_out(&mut self, draft: &mut Draft<'_>, make: impl FnOnce(&str, &mut String, &mut Groups) -> bool) -> Made {
        let number = self.number(draft);
        let Scratch { joined, value, .. } = &mut *self.scratch;
        let Some(number) = number else {
            if let [Some(slot)] = self.sources {
                draft.check(*slot);
            }
            value.clear();
            let source = draft.join(self.texts, self.sources, &self.rule.separator, joined);
            return match self.memory.recall(source, value, make) {
                Some(()) => Made::Text,
                None => Made::Nothing,
            };
        };
        let outcome = match self.memory.outcome(number) {
            Some(outcome) => outcome,
            None => {
                value.clear();
                let outcome = if make(self.texts.text(number), value, &mut self.memory.groups) {
                    match self.texts.number(value) {
                        Some(result) => Outcome::Text(result),
                        None => return Made::Text,
                    }
                } else {
                    Outcome::None
                };
                self.memory.remember_outcome(number, outcome);
                outcome
            }
        };
        match outcome {
            Outcome::None => Made::Nothing,
            Outcome::Text(result) => Made::Known(result),
        }
    }

    /// The number of the source's text, if it has one.
    #[inline]
    fn number(&self, draft: &Draft<'_>) -> Option<TextId> {
        match self.sources {
            [] | [None] => Some(Texts::EMPTY),
            [Some(slot)] => draft.number(*slot),
            _ => None,
        }
    }

    fn put_together(&mut self, draft: &Draft<'_>) -> Made {
        let Scratch { joined, value, .. } = &mut *self.scratch;
        value.clear();
        value.push_str(draft.join(self.texts, self.sources, &self.rule.separator, joined));
        Made::Text
    }

    fn are_equal(&self, draft: &Draft<'_>) -> bool {
        let value = |slot: &Option<u32>| slot.map_or("", |slot| draft.value(self.texts, slot));
        let mut values = self.sources.iter().map(value);
        let first = values.next().unwrap_or_default();
        values.all(|value| value == first)
    }

    fn contains(&self, draft: &Draft<'_>, target: Target) -> bool {
        let whole = match target {
            Target::Present { slot, .. } => draft.value(self.texts, slot),
            _ => "",
        };
        let value = |slot: &Option<u32>| slot.map_or("", |slot| draft.value(self.texts, slot));
        self.sources.iter().map(value).all(|value| whole.contains(value))
    }

    fn is_equal(&mut self, draft: &Draft<'_>, target: Target) -> bool {
        let other = match target {
            Target::Present { slot, .. } => draft.value(self.texts, slot),
            _ => "",
        };
        let joined = &mut self.scratch.joined;
        draft.join(self.texts, self.sources, &self.rule.separator, joined) == other
    }
}

fn xxhash(source: &str) -> u64 {
    twox_hash::XxHash64::oneshot(0, source.as_bytes())
}

/// Prometheus's hash: the last eight bytes of the source's MD5 as a big-endian number.
fn push_hash(source: &str, modulus: core::num::NonZeroU64, out: &mut String) {
    let digest = u128::from_be_bytes(md5::compute(source).0);
    let mut number = (digest as u64) % modulus;
    let mut digits = [0_u8; 20];
    let mut length = 0_usize;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add((number % 10) as u8);
        length = length.saturating_add(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(digits.len().saturating_sub(length)..).unwrap_or_default();
    out.extend(digits.iter().map(|&digit| char::from(digit)));
}
