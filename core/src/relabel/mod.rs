//! Relabelling: rules that drop targets and rewrite their labels, with Prometheus's meaning.
//!
//! * [`RelabelRule`]: a rule as it is given. [`Relabeling`]: rules that were checked and compiled.
//! * [`Relabeler`]: carries them out, and remembers what it worked out.
//! * [`Explanation`]: what each rule did to one target.
//!
//! **A rule's result depends on the rule and the labels alone**: not on what was relabelled
//! before, and not on whether it is remembered. Regular expressions run in linear time and have
//! a size limit; rules that blow a target up end with [`Verdict::TooLarge`].

mod case;
mod compiled;
mod draft;
mod explain;
mod expression;
mod layout;
mod matcher;
mod memory;
mod relabeler;
mod rule;
mod sequence;
mod template;
mod texts;
mod vmagent;

use core::fmt;
use std::sync::Arc;

use compiled::{Action, Compiled};

pub(crate) use draft::{Draft, Value};
pub use explain::{Change, Explanation, Step};
pub use expression::{RegexFault, RuleRegex, WeakRuleRegex};
pub(crate) use layout::{LayoutId, Layouts, MAX_NAMES_BYTES, NameId};
pub use relabeler::{Relabeler, Verdict};
pub use rule::{NameValidation, RelabelError, RelabelRule, SourceLabels};
pub(crate) use texts::{TextId, Texts};
pub use vmagent::{Filter, FilterTest, Selector, VmagentRule};

/// A list of rules, checked and compiled. Cheap to clone; two are equal when their rules are.
#[derive(Clone)]
pub struct Relabeling {
    rules: Arc<[RelabelRule]>,
    compiled: Arc<[Compiled]>,
    names: NameValidation,
    /// Whether what rules do depends on the order of labels, and labels are sorted first.
    is_sorted: bool,
}

impl Relabeling {
    /// Checks and compiles rules. `names` says which names labels may have.
    ///
    /// # Errors
    /// The first rule that can't be carried out.
    pub fn compile(rules: impl IntoIterator<Item = RelabelRule>, names: NameValidation) -> Result<Self, RelabelError> {
        let rules: Arc<[RelabelRule]> = rules.into_iter().collect();
        let compiled = rules.iter().enumerate();
        let compiled = compiled.map(|(place, rule)| Compiled::new(place, rule, names));
        Ok(Self {
            compiled: compiled.collect::<Result<_, _>>()?,
            is_sorted: rules.iter().any(|rule| {
                let (_, rule) = rule.parts();
                matches!(rule, RelabelRule::Vmagent(VmagentRule::LabelMap { .. }))
            }),
            rules,
            names,
        })
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.compiled.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// Which names labels may have.
    pub fn names(&self) -> NameValidation {
        self.names
    }

    /// The rules as they were given.
    pub fn rules(&self) -> &[RelabelRule] {
        &self.rules
    }

    fn compiled(&self) -> &[Compiled] {
        &self.compiled
    }
}

impl PartialEq for Relabeling {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.rules == other.rules
    }
}

impl Eq for Relabeling {}

impl fmt::Debug for Relabeling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.rules).finish()
    }
}

impl Default for Relabeling {
    /// No rules.
    fn default() -> Self {
        Self {
            rules: Arc::new([]),
            compiled: Arc::new([]),
            names: NameValidation::default(),
            is_sorted: false,
        }
    }
}

impl Compiled {
    fn is_about_names(&self) -> bool {
        matches!(
            self.action,
            Action::Map { .. } | Action::Remove { .. } | Action::Rename { .. }
        )
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;
