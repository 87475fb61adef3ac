//! The regular expressions of rules.
//!
//! **An expression is compiled once, whoever has it**: compiling is nearly all of what it takes to read thousands of rules,
//! and most of them are the same from one configuration to the next.

use core::fmt;
use core::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock, Weak};

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::matcher::Matcher;

/// A compiled expression may take this many bytes. The library counts what it really takes, which is less in 32 bits. So
/// this is more than what any expression takes that Go's own bounds leave, but for one of some hundred thousand characters.
const SIZE_LIMIT: usize = 128 << 20;
/// Parentheses in each other, and all else that stands in each other. Who reads rules bounds them sooner.
const NEST_LIMIT: u32 = 4_000;

/// A rule's regular expression. Cheap to clone, and compiled at most once for all clones; two are equal when their texts
/// are. Its debug output is what its author wrote.
#[derive(Clone)]
pub struct RuleRegex(Arc<Expression>);

/// A [`RuleRegex`] for as long as somebody else has it.
#[derive(Debug, Clone)]
pub struct WeakRuleRegex(Weak<Expression>);

/// Why an expression can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegexFault {
    /// Compiled, it would be too large.
    #[error("the regular expression is too large when compiled (over {limit} bytes)")]
    TooLarge {
        /// The most that it may take, in bytes.
        limit: usize,
    },
    /// It is none.
    #[error("the regular expression is not valid: {reason}")]
    Invalid {
        /// What the library says.
        reason: String,
    },
}

struct Expression {
    written: String,
    anchored: String,
    compiled: OnceLock<Compiled>,
}

/// What an expression takes to be carried out.
pub(super) struct Compiled {
    pub(super) regex: Regex,
    /// The cheapest way to match it: finding it means to read the expression once more.
    pub(super) matcher: Matcher,
}

impl RuleRegex {
    /// An expression in the syntax of the `regex` crate, which has to match the whole source.
    ///
    /// Expressions in Go's syntax are translated first; `headcount-reader` does that.
    pub fn new(text: &str) -> Self {
        Self::translated(text, format!("^(?s:{text})$"))
    }

    /// An expression that its author wrote as `written`, and that is `anchored` at both ends for the `regex` crate. The rules
    /// of vmagent's that replace all matches take one that is not.
    pub fn translated(written: &str, anchored: String) -> Self {
        Self(Arc::new(Expression {
            written: written.to_owned(),
            anchored,
            compiled: OnceLock::new(),
        }))
    }

    /// As its author wrote it, for messages.
    pub fn written(&self) -> &str {
        &self.0.written
    }

    /// For the `regex` crate, anchored at both ends.
    pub fn anchored(&self) -> &str {
        &self.0.anchored
    }

    /// Compiles it, unless that was done before.
    ///
    /// # Errors
    /// It can't be carried out.
    pub fn check(&self) -> Result<(), RegexFault> {
        self.compiled().map(drop)
    }

    /// The same, but if it is not compiled yet, it may take so many bytes at most.
    ///
    /// # Errors
    /// It can't be carried out, or would take more.
    pub fn check_within(&self, bytes: usize) -> Result<(), RegexFault> {
        self.compile(bytes.min(SIZE_LIMIT)).map(drop)
    }

    /// Whether all of a text is what it means; nothing is what one means that can't be [carried out](Self::check).
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled().is_ok_and(|compiled| compiled.regex.is_match(text))
    }

    /// Whether it is `.*` however it is written: with anchors around it, with groups, as `(?:.*)`.
    ///
    /// ```
    /// use headcount_core::relabel::RuleRegex;
    ///
    /// assert!(RuleRegex::new("^(?:(.*))$").is_anything() && !RuleRegex::new(".+").is_anything());
    /// ```
    pub fn is_anything(&self) -> bool {
        regex_syntax::Parser::new()
            .parse(&self.0.anchored)
            .is_ok_and(|parsed| is_anything(&parsed))
    }

    /// The same one, for as long as somebody has it.
    pub fn downgrade(&self) -> WeakRuleRegex {
        WeakRuleRegex(Arc::downgrade(&self.0))
    }

    pub(super) fn compiled(&self) -> Result<&Compiled, RegexFault> {
        self.compile(SIZE_LIMIT)
    }

    fn compile(&self, size_limit: usize) -> Result<&Compiled, RegexFault> {
        if let Some(compiled) = self.0.compiled.get() {
            return Ok(compiled);
        }
        let regex = RegexBuilder::new(&self.0.anchored)
            .size_limit(size_limit)
            .nest_limit(NEST_LIMIT)
            .build()?;
        let matcher = Matcher::new(&self.0.anchored, regex.clone());
        Ok(self.0.compiled.get_or_init(|| Compiled { regex, matcher }))
    }
}

fn is_anything(parsed: &Hir) -> bool {
    let is_anchor = |part: &Hir| matches!(part.kind(), HirKind::Look(Look::Start | Look::End));
    match parsed.kind() {
        HirKind::Capture(group) => is_anything(&group.sub),
        HirKind::Concat(parts) => {
            let mut parts = parts.iter().filter(|part| !is_anchor(part));
            parts.next().is_some_and(is_anything) && parts.next().is_none()
        }
        HirKind::Repetition(repeated) => {
            let any = Hir::dot(regex_syntax::hir::Dot::AnyChar);
            repeated.min == 0 && repeated.max.is_none() && repeated.greedy && *repeated.sub == any
        }
        _ => false,
    }
}

impl WeakRuleRegex {
    /// The expression, if somebody still has it.
    pub fn upgrade(&self) -> Option<RuleRegex> {
        self.0.upgrade().map(RuleRegex)
    }
}

impl From<regex::Error> for RegexFault {
    fn from(error: regex::Error) -> Self {
        match error {
            regex::Error::CompiledTooBig(limit) => Self::TooLarge { limit },
            // The library draws its message over several lines; the last one says what is wrong.
            error => Self::Invalid {
                reason: error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned(),
            },
        }
    }
}

impl PartialEq for RuleRegex {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (&self.0.written, &self.0.anchored) == (&other.0.written, &other.0.anchored)
    }
}

impl Eq for RuleRegex {}

impl Hash for RuleRegex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.0.written, &self.0.anchored).hash(state);
    }
}

impl Default for RuleRegex {
    /// `(.*)`, which matches anything.
    fn default() -> Self {
        Self::new("(.*)")
    }
}

impl fmt::Debug for RuleRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.written, f)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_is_known_however_it_is_written() {
        for text in [
            ".*",
            "(.*)",
            "(?:.*)",
            "^.*$",
            "((.*))",
            "(?P<all>.*)",
            "(^(?:(.*)$))",
            "(?s:.*)",
        ] {
            assert!(RuleRegex::new(text).is_anything(), "{text}");
        }
        for text in [
            "", ".+", "a.*", ".*b", ".*?", "(?-s:.*)", ".{0,9}", "(.*)(.*)", ".*|a", "[^\n]*", "(",
        ] {
            assert!(!RuleRegex::new(text).is_anything(), "{text}");
        }
    }

    #[test]
    fn clones_are_compiled_once_and_forgotten_with_the_last() {
        let regex = RuleRegex::new("a+");
        let (clone, weak) = (regex.clone(), regex.downgrade());
        let compiled: *const Compiled = regex.compiled().expect("it is right");
        assert!(core::ptr::eq(compiled, clone.compiled().expect("it is right")));
        drop(regex);
        assert_eq!(weak.upgrade(), Some(RuleRegex::new("a+")));
        drop(clone);
        assert_eq!(weak.upgrade(), None);
    }
}
