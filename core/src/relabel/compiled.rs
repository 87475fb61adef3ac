//! Rules as they are carried out: expressions compiled, replacements read, names checked.

use core::num::NonZeroU64;
use std::sync::LazyLock;

use regex::Regex;

use super::matcher::Matcher;
use super::rule::{NameValidation, RelabelError, RelabelRule};
use super::template::Template;
use super::vmagent::{Condition, Fill, Graphite, VmagentRule};
use super::{RegexFault, RuleRegex};

/// Texts that give a name of letters, digits and underscores, if what they refer to is one.
static LEGACY_TEMPLATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?-u:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$").ok());

/// One rule.
#[derive(Debug)]
pub(super) struct Compiled {
    /// The source's labels; empty for rules that look at names.
    pub(super) sources: Box<[Box<str>]>,
    pub(super) separator: Box<str>,
    pub(super) action: Action,
    /// What has to be true of the labels first.
    pub(super) condition: Option<Box<Condition>>,
}

/// What a rule does.
#[derive(Debug)]
pub(super) enum Action {
    /// Sets a label whose name does not depend on the source.
    Set { target: Box<str>, what: Computed },
    /// Sets a label whose name depends on the source.
    SetNamed {
        regex: Matcher,
        target: Template,
        value: Template,
    },
    /// Drops the target where `regex` matches, or, with `unless`, where it does not.
    Filter { regex: Matcher, unless: bool },
    /// Drops the target where the source equals the label `target`, or, with `unless`, where not.
    Compare { target: Box<str>, unless: bool },
    /// Copies labels to other names. With `in_turn`, a label that was set before its turn comes passes on what it was set to.
    Map {
        regex: Matcher,
        to: Template,
        in_turn: bool,
    },
    /// Removes labels whose names match, or, with `unless`, those that don't.
    Remove { regex: Matcher, unless: bool },
    /// Drops the target where all labels of the source are equal, or, with `unless`, where not.
    AllEqual { unless: bool },
    /// Drops the target where each label of the source stands in the label `target`, or, with `unless`, where not.
    Contains { target: Box<str>, unless: bool },
    /// Gives labels other names.
    Rename { regex: Regex, to: Template },
    /// Sets labels from the parts of a name.
    Graphite(Graphite),
    /// Sets a label to what is put together of other labels.
    Fill(Box<Fill>),
}

/// What a label is set to.
#[derive(Debug)]
pub(super) enum Computed {
    /// The source itself.
    Source,
    /// Always the same.
    Text(Box<str>),
    /// The replacement, where the expression matches.
    Template {
        regex: Matcher,
        value: Template,
    },
    /// The hash, modulo a number.
    Hash(NonZeroU64),
    /// vmagent's hash, modulo a number.
    XxHash(NonZeroU64),
    /// The source with all matches replaced, where there is any.
    ReplaceAll {
        regex: Regex,
        value: Template,
    },
    Lower,
    Upper,
}

impl Compiled {
    pub(super) fn new(place: usize, rule: &RelabelRule, names: NameValidation) -> Result<Self, RelabelError> {
        let compiler = Compiler { place, rule, names };
        let (sources, separator) = rule.source().map_or_else(Default::default, |source| {
            let names = source.names.iter().map(|name| name.as_str().into()).collect();
            (names, source.separator.as_str().into())
        });
        let (selectors, inner) = rule.parts();
        let action = compiler.action(inner)?;
        let drops_others = matches!(action, Action::Filter { unless: true, .. });
        let condition = selectors
            .map(|selectors| Condition::new(selectors, drops_others, |regex| Ok(compiler.matcher(regex)?.0)))
            .transpose()?;
        Ok(Self {
            sources,
            separator,
            action,
            condition: condition.map(Box::new),
        })
    }
}

/// One rule while it is compiled, for messages.
struct Compiler<'r> {
    place: usize,
    rule: &'r RelabelRule,
    names: NameValidation,
}

impl Compiler<'_> {
    fn action(&self, rule: &RelabelRule) -> Result<Action, RelabelError> {
        Ok(match rule {
            RelabelRule::Replace {
                regex,
                target_label,
                replacement,
                ..
            } => self.replace(regex, target_label, replacement)?,
            RelabelRule::Keep { regex, .. } => Action::Filter {
                regex: self.matcher(regex)?.0,
                unless: true,
            },
            RelabelRule::Drop { regex, .. } => Action::Filter {
                regex: self.matcher(regex)?.0,
                unless: false,
            },
            RelabelRule::KeepEqual { target_label, .. } => Action::Compare {
                target: self.name(target_label)?,
                unless: true,
            },
            RelabelRule::DropEqual { target_label, .. } => Action::Compare {
                target: self.name(target_label)?,
                unless: false,
            },
            RelabelRule::HashMod {
                target_label, modulus, ..
            } => self.set(target_label, Computed::Hash(*modulus))?,
            RelabelRule::Lowercase { target_label, .. } => self.set(target_label, Computed::Lower)?,
            RelabelRule::Uppercase { target_label, .. } => self.set(target_label, Computed::Upper)?,
            RelabelRule::LabelMap { regex, replacement } => self.map(regex, replacement, false)?,
            RelabelRule::LabelDrop { regex } => Action::Remove {
                regex: self.matcher(regex)?.0,
                unless: false,
            },
            RelabelRule::LabelKeep { regex } => Action::Remove {
                regex: self.matcher(regex)?.0,
                unless: true,
            },
            RelabelRule::If { .. } => return Err(RelabelError::NestedIf { rule: self.place }),
            RelabelRule::Vmagent(rule) => self.vmagent(rule)?,
        })
    }

    fn vmagent(&self, rule: &VmagentRule) -> Result<Action, RelabelError> {
        let contains = |target: &str, unless| {
            let target = self.name(target)?;
            Ok(Action::Contains { target, unless })
        };
        match rule {
            VmagentRule::KeepIfEqual { .. } => Ok(Action::AllEqual { unless: true }),
            VmagentRule::DropIfEqual { .. } => Ok(Action::AllEqual { unless: false }),
            VmagentRule::KeepIfContains { target_label, .. } => contains(target_label, true),
            VmagentRule::DropIfContains { target_label, .. } => contains(target_label, false),
            VmagentRule::ReplaceAll {
                regex,
                target_label,
                replacement,
                ..
            } => {
                let regex = self.matcher(regex)?.1.clone();
                let value = Template::read(replacement, &regex);
                self.set(target_label, Computed::ReplaceAll { regex, value })
            }
            VmagentRule::Fill {
                regex,
                target_label,
                replacement,
                ..
            } => {
                if target_label.contains('$') {
                    self.check_template(target_label)?;
                } else {
                    self.name(target_label)?;
                }
                let (matcher, regex) = self.matcher(regex)?;
                let fill = Fill::new(matcher, regex, target_label, replacement);
                Ok(Action::Fill(Box::new(fill)))
            }
            VmagentRule::LabelMap { regex, replacement } => self.map(regex, replacement, true),
            VmagentRule::HashMod {
                target_label, modulus, ..
            } => self.set(target_label, Computed::XxHash(*modulus)),
            VmagentRule::LabelMapAll { regex, replacement } => {
                let regex = self.matcher(regex)?.1.clone();
                let to = Template::read(replacement, &regex);
                Ok(Action::Rename { regex, to })
            }
            VmagentRule::Graphite { template, labels } => {
                for (name, _) in labels {
                    self.name(name)?;
                }
                Ok(Action::Graphite(Graphite::new(template, labels)))
            }
        }
    }

    fn map(&self, regex: &RuleRegex, replacement: &str, in_turn: bool) -> Result<Action, RelabelError> {
        self.check_template(replacement)?;
        let (matcher, regex) = self.matcher(regex)?;
        Ok(Action::Map {
            to: Template::read(replacement, regex),
            regex: matcher,
            in_turn,
        })
    }

    fn replace(&self, regex: &RuleRegex, target: &str, replacement: &str) -> Result<Action, RelabelError> {
        let (matcher, regex) = self.matcher(regex)?;
        let value = Template::read(replacement, regex);
        if target.contains('$') {
            self.check_template(target)?;
            let target = Template::read(target, regex);
            return Ok(Action::SetNamed {
                regex: matcher,
                target,
                value,
            });
        }
        let what = match (&matcher, value.as_text()) {
            (Matcher::Anything, Some(text)) => Computed::Text(text.into()),
            (Matcher::Anything, None) if value.is_one_of(&[0, 1]) => Computed::Source,
            _ => Computed::Template { regex: matcher, value },
        };
        self.set(target, what)
    }

    fn set(&self, target: &str, what: Computed) -> Result<Action, RelabelError> {
        Ok(Action::Set {
            target: self.name(target)?,
            what,
        })
    }

    fn name(&self, name: &str) -> Result<Box<str>, RelabelError> {
        if self.names.allows(name) {
            Ok(name.into())
        } else {
            Err(self.bad_name(name))
        }
    }

    /// A template has to give a name if what it refers to is one.
    fn check_template(&self, template: &str) -> Result<(), RelabelError> {
        let valid = match self.names {
            NameValidation::Utf8 => !template.is_empty(),
            NameValidation::Legacy => LEGACY_TEMPLATE.as_ref().is_some_and(|it| it.is_match(template)),
        };
        if valid { Ok(()) } else { Err(self.bad_name(template)) }
    }

    fn bad_name(&self, name: &str) -> RelabelError {
        RelabelError::LabelName {
            rule: self.place,
            action: self.rule.action(),
            name: name.to_owned(),
        }
    }

    fn matcher<'r>(&self, regex: &'r RuleRegex) -> Result<(Matcher, &'r Regex), RelabelError> {
        let built = regex.compiled().map_err(|fault| match fault {
            RegexFault::TooLarge { limit } => RelabelError::RegexTooLarge {
                rule: self.place,
                action: self.rule.action(),
                regex: regex.written().to_owned(),
                limit,
            },
            RegexFault::Invalid { reason } => RelabelError::Regex {
                rule: self.place,
                action: self.rule.action(),
                regex: regex.written().to_owned(),
                reason,
            },
        })?;
        Ok((built.matcher.clone(), &built.regex))
    }
}
