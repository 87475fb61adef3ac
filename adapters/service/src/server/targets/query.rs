//! What is asked of `/api/v1/targets`.

use std::fmt;

use headcount_core::{TargetCursor, planted};

use super::order::{self, Key};
use super::selector::{Selector, SelectorError};

/// The lists of an answer, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Active,
    Dropped,
    Duplicate,
    Invalid,
}

impl Section {
    pub(super) const ALL: [Self; 4] = [Self::Active, Self::Dropped, Self::Duplicate, Self::Invalid];

    /// The list after this one.
    pub(super) fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|other| *other > self)
    }
}

/// Which targets are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Any,
    Only(Section),
    OverLimit,
    /// The active ones that have the same labels as another.
    SameLabels,
    Stale,
    Held,
    /// The active ones whose last scrape failed.
    Down,
    /// One that there is not: nothing, as in Prometheus.
    Unknown,
}

impl State {
    pub(super) fn wants(self, section: Section) -> bool {
        match self {
            Self::Any | Self::Stale | Self::Held => true,
            Self::Only(only) => only == section,
            Self::OverLimit | Self::SameLabels | Self::Down => section == Section::Active,
            Self::Unknown => false,
        }
    }
}

/// Where an answer ended, for the one that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) section: Section,
    pub(super) cursor: TargetCursor,
    /// Targets of this list and job that were written before.
    pub(super) written: u64,
    /// The last target's name, where they are sorted.
    pub(super) name: Option<String>,
    pub(super) job: String,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "n{:x}-{name}", name.len())?;
        }
        let (section, cursor) = (self.section as u8, self.cursor.number());
        write!(f, "{section}-{cursor:x}-{:x}-{}", self.written, self.job)
    }
}

impl Token {
    /// Where the last target stands, where they are sorted and one was written.
    pub(super) fn key(&self) -> Option<Key> {
        let name = self.name.clone().filter(|_| self.written > 0)?;
        Some(Key {
            name,
            cursor: self.cursor,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, text) = match text.strip_prefix('n') {
            Some(sorted) => {
                let (length, rest) = sorted.split_once('-')?;
                let (name, rest) = rest.split_at_checked(usize::from_str_radix(length, 16).ok()?)?;
                (Some(name.to_owned()), rest)
            }
            None => (None, text),
        };
        let mut parts = text.splitn(4, '-');
        let section = parts.next()?.parse::<usize>().ok()?;
        let number = |part: &str| u64::from_str_radix(part, 16).ok();
        Some(Self {
            section: Section::ALL.into_iter().nth(section)?,
            cursor: TargetCursor::from_number(number(parts.next()?)?),
            written: number(parts.next()?)?,
            name,
            job: parts.next()?.to_owned(),
        })
    }
}

/// A query, understood.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) state: State,
    pub(super) pool: Option<String>,
    /// A target is wanted that any of them selects; without any, all are.
    pub(super) selectors: Vec<Selector>,
    /// In lower case.
    pub(super) search: Option<String>,
    pub(super) limit: Option<u64>,
    pub(super) from: Option<Token>,
    /// Whether all that match are counted, also those beyond the limit.
    pub(super) total: bool,
    /// Whether a job's targets come in the order of their names.
    pub(super) is_sorted: bool,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("limit={0:?} is no number greater than 0")]
    Limit(String),
    #[error("next_token={0:?} is none that an answer gave")]
    Token(String),
    #[error("sort={0:?} is not known; write sort=name, or leave it out")]
    Sort(String),
    #[error("sort=name needs a limit of {} at most", order::MOST)]
    SortLimit,
    #[error("match[]={text:?}: {error}")]
    Selector { text: String, error: SelectorError },
    #[error("more than {MOST_SELECTORS} match[] at once")]
    TooManySelectors,
}

/// Each may compile regular expressions.
const MOST_SELECTORS: usize = 32;

impl Query {
    /// Reads a query; of a parameter that is given twice the first counts, as in Prometheus.
    pub(super) fn parse(query: &str) -> Result<Self, QueryError> {
        let mut parsed = Self {
            state: State::Any,
            pool: None,
            selectors: Vec::new(),
            search: None,
            limit: None,
            from: None,
            total: false,
            is_sorted: false,
        };
        let mut state = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                _ if value.is_empty() => {}
                "scrapePool" if parsed.pool.is_none() => parsed.pool = Some(value.into_owned()),
                "state" if planted!(state.is_none(), SecondOfTwoCounts, true) => state = Some(read_state(&value)),
                "search" if parsed.search.is_none() => parsed.search = Some(value.to_lowercase()),
                "limit" if parsed.limit.is_none() => {
                    let limit = value
                        .parse()
                        .ok()
                        .filter(|limit| planted!(*limit > 0, LimitZeroIsNoLimit, true));
                    parsed.limit = Some(limit.ok_or_else(|| QueryError::Limit(value.into_owned()))?);
                }
                "next_token" if parsed.from.is_none() => {
                    let token = Token::parse(&value);
                    parsed.from = Some(token.ok_or_else(|| QueryError::Token(value.into_owned()))?);
                }
                "sort" if value == "name" => parsed.is_sorted = true,
                "sort" => return Err(QueryError::Sort(value.into_owned())),
                "total" => parsed.total = value == "true" || value == "1",
                "match[]" | "match" => {
                    if parsed.selectors.len() == MOST_SELECTORS {
                        return Err(QueryError::TooManySelectors);
                    }
                    let selector = Selector::parse(&value).map_err(|error| QueryError::Selector {
                        text: value.into_owned(),
                        error,
                    })?;
                    parsed.selectors.push(selector);
                }
                _ => {}
            }
        }
        parsed.state = state.unwrap_or(State::Any);
        if parsed.is_sorted && parsed.limit.is_none_or(|limit| limit > order::MOST) {
            return Err(QueryError::SortLimit);
        }
        let other_order = |token: &&Token| token.name.is_some() != parsed.is_sorted;
        if let Some(token) = planted!(parsed.from.as_ref(), TokenOfAnotherOrder, None).filter(other_order) {
            return Err(QueryError::Token(token.to_string()));
        }
        Ok(parsed)
    }

    /// Whether every target of a wanted list is wanted, whatever its labels.
    pub(super) fn wants_all_labels(&self) -> bool {
        self.selectors.is_empty() && self.search.is_none()
    }
}

fn read_state(text: &str) -> State {
    match &*text.to_lowercase() {
        "any" => State::Any,
        "active" => State::Only(Section::Active),
        "dropped" => State::Only(Section::Dropped),
        "duplicate" => State::Only(Section::Duplicate),
        "invalid" => State::Only(Section::Invalid),
        "over_limit" => State::OverLimit,
        "same_labels" => State::SameLabels,
        "stale" => State::Stale,
        "held" => State::Held,
        "down" => State::Down,
        _ => State::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        for (query, message) in [
            ("limit=0", "limit=\"0\" is no number greater than 0"),
            ("limit=-1", "limit=\"-1\" is no number greater than 0"),
            ("next_token=x", "next_token=\"x\" is none that an answer gave"),
            (
                "sort=age",
                "sort=\"age\" is not known; write sort=name, or leave it out",
            ),
            ("sort=name", "sort=name needs a limit of 2000 at most"),
            ("sort=name&limit=2001", "sort=name needs a limit of 2000 at most"),
            (
                "sort=name&limit=1&next_token=0-0-0-a",
                "next_token=\"0-0-0-a\" is none that an answer gave",
            ),
            (
                "next_token=n1-a0-0-0-a",
                "next_token=\"n1-a0-0-0-a\" is none that an answer gave",
            ),
            ("match[]=up", "match[]=\"up\": expected `{` at the beginning"),
        ] {
            assert_eq!(Query::parse(query).expect_err(query).to_string(), message);
        }
        assert_eq!(
            Query::parse(&"match[]={}&".repeat(33)).expect_err("many"),
            QueryError::TooManySelectors
        );
        let query =
            Query::parse("state=ACTIVE&state=x&scrapePool=&scrapePool=a&search=ÄB&limit=5&other=1").expect("fine");
        assert_eq!(query.state, State::Only(Section::Active));
        let unknown = Query::parse("state=up").expect("as in Prometheus").state;
        assert!(Section::ALL.into_iter().all(|section| !unknown.wants(section)));
        assert_eq!(
            (query.pool.as_deref(), query.search.as_deref()),
            (Some("a"), Some("äb"))
        );
    }

    proptest! {
        #[test]
        fn tokens_are_read_back(
            section in 0..4_usize,
            cursor: u64,
            written: u64,
            name in prop::option::of("\\PC{0,8}|[0-9a-fn-]{1,8}"),
            job in "\\PC{0,8}|[0-9a-f-]{1,8}",
        ) {
            let section = Section::ALL[section];
            let token = Token { section, cursor: TargetCursor::from_number(cursor), written, name, job };
            prop_assert_eq!(Token::parse(&token.to_string()), Some(token));
        }

        #[test]
        fn any_query_is_answered(query in "\\PC{0,40}|(state|limit|next_token|match\\[\\])=[0-9a-f{}=~\"-]{0,20}") {
            let _ = Query::parse(&query);
        }
    }
}
