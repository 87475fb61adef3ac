//! The condition of a rule: selectors of series, as in queries, of which one has to be true of the labels.
//!
//! An absent label counts as an empty value, but for `__name__`, which is equal to nothing while it is absent.

use super::{NAME, RuleRegex};
use crate::relabel::matcher::Matcher;

/// A selector, `name{label="value",other=~"regex" or third="x"}`: one of its lists of filters has to be true as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// As its author wrote it.
    pub written: String,
    /// The lists of filters. None of them is true of no labels, as in vmagent.
    pub any_of: Vec<Vec<Filter>>,
}

/// What has to be true of one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The label.
    pub label: String,
    /// What its value has to be.
    pub test: FilterTest,
}

/// What a value has to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FilterTest {
    /// `=`
    Is(String),
    /// `!=`
    IsNot(String),
    /// `=~`
    Matches(RuleRegex),
    /// `!~`
    MatchesNot(RuleRegex),
}

impl Selector {
    pub(in crate::relabel) fn reads(&self, label: &str) -> bool {
        self.any_of.iter().flatten().any(|filter| filter.label == label)
    }
}

/// Selectors as they are carried out.
#[derive(Debug)]
pub(in crate::relabel) struct Condition {
    /// The label of each filter, in order.
    pub(in crate::relabel) names: Box<[Box<str>]>,
    /// Of each list, how many filters it has; then the filters in order.
    lists: Box<[Box<[Test]>]>,
    /// Whether the rule drops what it is not true of: `keep` does.
    pub(in crate::relabel) drops_others: bool,
}

#[derive(Debug)]
enum Test {
    Is(Box<str>),
    IsNot(Box<str>),
    /// A name is equal to nothing while there is none.
    NameIs(Box<str>),
    NameIsNot(Box<str>),
    Matches(Matcher),
    MatchesNot(Matcher),
}

impl Condition {
    /// `matcher` compiles an expression.
    pub(in crate::relabel) fn new<E>(
        selectors: &[Selector],
        drops_others: bool,
        mut matcher: impl FnMut(&RuleRegex) -> Result<Matcher, E>,
    ) -> Result<Self, E> {
        let lists = || selectors.iter().flat_map(|selector| &selector.any_of);
        let names = lists().flatten().map(|filter| filter.label.as_str().into());
        let mut test = |filter: &Filter| {
            let is_name = filter.label == NAME;
            Ok(match &filter.test {
                FilterTest::Is(value) if is_name => Test::NameIs(value.as_str().into()),
                FilterTest::IsNot(value) if is_name => Test::NameIsNot(value.as_str().into()),
                FilterTest::Is(value) => Test::Is(value.as_str().into()),
                FilterTest::IsNot(value) => Test::IsNot(value.as_str().into()),
                FilterTest::Matches(by) => Test::Matches(matcher(by)?),
                FilterTest::MatchesNot(by) => Test::MatchesNot(matcher(by)?),
            })
        };
        let mut list = |filters: &Vec<Filter>| filters.iter().map(&mut test).collect::<Result<Box<[_]>, E>>();
        Ok(Self {
            names: names.collect(),
            lists: lists().map(&mut list).collect::<Result<_, E>>()?,
            drops_others,
        })
    }

    /// Whether it is true of labels, of which `values` are those of [`names`](Self::names).
    pub(in crate::relabel) fn holds<'v>(&self, mut values: impl Iterator<Item = &'v str>) -> bool {
        self.lists.iter().any(|list| {
            // Each filter has a value of its own, so all of them are taken.
            list.iter().fold(true, |holds, test| {
                let value = values.next().unwrap_or_default();
                holds && test.holds(value)
            })
        })
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => value == &**wanted,
            Self::IsNot(other) => value != &**other,
            Self::NameIs(wanted) => !value.is_empty() && value == &**wanted,
            Self::NameIsNot(other) => value.is_empty() || value != &**other,
            Self::Matches(regex) => regex.is_match(value),
            Self::MatchesNot(regex) => !regex.is_match(value),
        }
    }
}
