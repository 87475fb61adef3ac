//! Expressions that one pass over a text decides.
//!
//! Most expressions of relabelling rules are texts and runs of characters, each of which ends where
//! the next one begins: `([^:]+)(?::\d+)?`, `(rack-\d+)\..*`, `__meta_cmdb_(.+)`. **At every byte there
//! is one way on at most**, so nothing has to be searched for, and that takes a fraction of the time.
//! Whatever else there is is left to the `regex` crate, whose meaning this is; so are texts with a
//! character beyond ASCII where a class takes some of those and not others.

use std::sync::Arc;

use regex_syntax::hir::{self, Hir, HirKind, Look};

/// A fixed number of repetitions above this is left to `regex`.
const MOST_REPEATS: u32 = 32;

/// An expression that is anchored at both ends. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    steps: Arc<[Step]>,
}

/// What a text is to an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Match,
    NoMatch,
    /// Somebody else has to look.
    Unsure,
}

#[derive(Debug)]
enum Step {
    Text(Box<[u8]>),
    One(Box<Class>),
    Run {
        class: Box<Class>,
        may_be_empty: bool,
    },
    /// Notes the place in the text, as the start or the end of a group.
    Mark(usize),
    /// What the next `length` steps match may be absent. It begins with one of `first`.
    Optional {
        first: Box<Class>,
        length: usize,
    },
}

/// For each byte, whether a character that begins with it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class([Takes; 256]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    No,
    Yes,
    /// Some of the characters.
    Some,
}

impl Sequence {
    /// `None`: the expression is of another kind.
    pub(super) fn new(anchored: &str) -> Option<Self> {
        let parsed = regex_syntax::parse(anchored).ok()?;
        let HirKind::Concat(parts) = parsed.kind() else {
            return None;
        };
        let [start, inner @ .., end] = parts.as_slice() else {
            return None;
        };
        let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(other) if *other == look);
        if !is(start, Look::Start) || !is(end, Look::End) {
            return None;
        }
        let mut steps = Vec::new();
        inner.iter().try_for_each(|part| compile(part, &mut steps))?;
        has_one_way(&steps).then(|| Self { steps: steps.into() })
    }

    /// Decides, and calls `mark` with the number and the place of each start and end of a group, which
    /// mean something if the text matches. Group `n` starts at mark `2n` and ends at the next one.
    #[inline]
    pub(super) fn decide(&self, text: &str, mut mark: impl FnMut(usize, usize)) -> Decision {
        let mut rest = text.as_bytes();
        let mut steps = self.steps.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::Text(text) => match rest.strip_prefix(&**text) {
                    Some(after) => rest = after,
                    None => return Decision::NoMatch,
                },
                Step::One(class) => match rest.split_first().map(|(byte, after)| (class.takes(*byte), after)) {
                    Some((Takes::Yes, after)) => rest = after,
                    Some((Takes::Some, _)) => return Decision::Unsure,
                    Some((Takes::No, _)) | None => return Decision::NoMatch,
                },
                Step::Run { class, may_be_empty } => {
                    let ends_at = rest.iter().position(|byte| class.takes(*byte) != Takes::Yes);
                    let (run, after) = rest.split_at_checked(ends_at.unwrap_or(rest.len())).unwrap_or_default();
                    if after.first().is_some_and(|byte| class.takes(*byte) == Takes::Some) {
                        return Decision::Unsure;
                    }
                    if run.is_empty() && !may_be_empty {
                        return Decision::NoMatch;
                    }
                    rest = after;
                }
                Step::Mark(number) => mark(*number, text.len().saturating_sub(rest.len())),
                Step::Optional { first, length } => match rest.first().map(|byte| first.takes(*byte)) {
                    Some(Takes::Yes) => {}
                    Some(Takes::Some) => return Decision::Unsure,
                    Some(Takes::No) | None => steps = steps.as_slice().get(*length..).unwrap_or_default().iter(),
                },
            }
        }
        if rest.is_empty() {
            Decision::Match
        } else {
            Decision::NoMatch
        }
    }
}

/// Appends the steps of one part.
fn compile(part: &Hir, steps: &mut Vec<Step>) -> Option<()> {
    match part.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => steps.push(Step::Text(literal.0.clone())),
        HirKind::Class(class) => steps.push(one(class)?),
        HirKind::Capture(capture) => {
            let mark = usize::try_from(capture.index).ok()?.checked_mul(2)?;
            steps.push(Step::Mark(mark));
            compile(&capture.sub, steps)?;
            steps.push(Step::Mark(mark.checked_add(1)?));
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| compile(part, steps))?,
        HirKind::Repetition(repetition) => repeat(repetition, steps)?,
        HirKind::Look(_) | HirKind::Alternation(_) => return None,
    }
    Some(())
}

fn repeat(repetition: &hir::Repetition, steps: &mut Vec<Step>) -> Option<()> {
    let (min, max) = (repetition.min, repetition.max);
    if (min, max) == (0, Some(1)) {
        let mut inner = Vec::new();
        compile(&repetition.sub, &mut inner)?;
        let (first, may_be_empty) = first_of(&inner);
        if may_be_empty {
            return None;
        }
        steps.push(Step::Optional {
            first: Box::new(first),
            length: inner.len(),
        });
        steps.append(&mut inner);
        return Some(());
    }
    let class = match repetition.sub.kind() {
        HirKind::Class(class) => Class::of(class)?,
        HirKind::Literal(literal) => match *literal.0 {
            [byte] => Class::of_byte(byte),
            _ => return None,
        },
        _ => return None,
    };
    // A run of at least one character has one of them, and so on; a single one has to be a single byte.
    let singles = if max.is_none() { min.saturating_sub(1) } else { min };
    if singles > MOST_REPEATS || max.is_some_and(|max| max != min) || (singles > 0 && !class.is_single_bytes()) {
        return None;
    }
    steps.extend((0..singles).map(|_| Step::One(Box::new(class.clone()))));
    if max.is_none() {
        steps.push(Step::Run {
            class: Box::new(class),
            may_be_empty: min == 0,
        });
    }
    Some(())
}

fn one(class: &hir::Class) -> Option<Step> {
    let class = Class::of(class)?;
    class.is_single_bytes().then(|| Step::One(Box::new(class)))
}

/// Whether no byte can both go on with a run, or begin what is optional, and begin what follows.
fn has_one_way(steps: &[Step]) -> bool {
    steps.iter().enumerate().all(|(place, step)| {
        let behind = |steps_behind: usize| {
            let rest = steps.get(place.saturating_add(steps_behind)..).unwrap_or_default();
            first_of(rest).0
        };
        match step {
            Step::Run { class, .. } => class.is_apart_from(&behind(1)),
            Step::Optional { first, length } => first.is_apart_from(&behind(length.saturating_add(1))),
            Step::Text(_) | Step::One(_) | Step::Mark(_) => true,
        }
    })
}

/// What a match of these steps can begin with, and whether it can be empty.
fn first_of(steps: &[Step]) -> (Class, bool) {
    let mut first = Class([Takes::No; 256]);
    let mut steps = steps.iter();
    while let Some(step) = steps.next() {
        match step {
            Step::Mark(_) => {}
            Step::Text(text) => {
                if let Some(byte) = text.first() {
                    first.add(&Class::of_byte(*byte));
                    return (first, false);
                }
            }
            Step::One(class) => {
                first.add(class);
                return (first, false);
            }
            Step::Run { class, may_be_empty } => {
                first.add(class);
                if !may_be_empty {
                    return (first, false);
                }
            }
            Step::Optional { first: other, length } => {
                first.add(other);
                steps = steps.as_slice().get(*length..).unwrap_or_default().iter();
            }
        }
    }
    (first, true)
}

impl Class {
    fn of(class: &hir::Class) -> Option<Self> {
        let mut takes = [Takes::No; 256];
        let (ascii, beyond) = takes.split_at_mut_checked(128)?;
        let mut add = |start: u32, end: u32| {
            for (byte, takes) in (0_u32..).zip(ascii.iter_mut()) {
                if (start..=end).contains(&byte) {
                    *takes = Takes::Yes;
                }
            }
        };
        match class {
            hir::Class::Unicode(class) => {
                let mut beyond_takes = Takes::No;
                for range in class.ranges() {
                    add(range.start().into(), range.end().into());
                    if range.start() <= '\u{80}' && range.end() == char::MAX {
                        beyond_takes = Takes::Yes;
                    } else if range.end() >= '\u{80}' {
                        beyond_takes = Takes::Some;
                    }
                }
                beyond.fill(beyond_takes);
            }
            hir::Class::Bytes(class) => {
                for range in class.ranges() {
                    if range.end() >= 0x80 {
                        return None;
                    }
                    add(range.start().into(), range.end().into());
                }
            }
        }
        Some(Self(takes))
    }

    fn of_byte(byte: u8) -> Self {
        let mut takes = [Takes::No; 256];
        if let Some(takes) = takes.get_mut(usize::from(byte)) {
            *takes = Takes::Yes;
        }
        Self(takes)
    }

    #[inline]
    fn takes(&self, byte: u8) -> Takes {
        self.0.get(usize::from(byte)).copied().unwrap_or(Takes::No)
    }

    /// Whether what it surely takes is a single byte each.
    fn is_single_bytes(&self) -> bool {
        self.0.iter().skip(128).all(|takes| *takes != Takes::Yes)
    }

    /// Whether nothing that this class surely takes may be of the other.
    fn is_apart_from(&self, other: &Self) -> bool {
        let mut both = self.0.iter().zip(&other.0);
        both.all(|(takes, others)| *takes != Takes::Yes || *others == Takes::No)
    }

    fn add(&mut self, other: &Self) {
        for (takes, others) in self.0.iter_mut().zip(&other.0) {
            *takes = match (*takes, *others) {
                (Takes::Yes, _) | (_, Takes::Yes) => Takes::Yes,
                (Takes::Some, _) | (_, Takes::Some) => Takes::Some,
                (Takes::No, Takes::No) => Takes::No,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn anchored(regex: &str) -> String {
        format!("^(?s:{regex})$")
    }

    /// The groups of a match as `regex` finds them, or as a sequence does.
    type Groups = Option<Vec<Option<(usize, usize)>>>;

    fn by_regex(regex: &Regex, text: &str) -> Groups {
        let groups = regex.captures(text)?;
        let spans = groups.iter().skip(1);
        Some(
            spans
                .map(|group| group.map(|group| (group.start(), group.end())))
                .collect(),
        )
    }

    /// `None`: it is unsure.
    fn by_sequence(sequence: &Sequence, groups: usize, text: &str) -> Option<Groups> {
        let mut marks = vec![None; 2 * groups];
        match sequence.decide(text, |number, place| marks[number] = Some(place)) {
            Decision::Unsure => None,
            Decision::NoMatch => Some(None),
            Decision::Match => {
                let spans = marks.chunks(2).skip(1).map(|span| Some((span[0]?, span[1]?)));
                Some(Some(spans.collect()))
            }
        }
    }

    #[test]
    fn what_rules_are_written_with_is_decided_in_one_pass() {
        for regex in [
            "([^:]+):[0-9]+",
            "([^:]+)(?::[0-9]+)?",
            r"([^:]+):\d+",
            r"(rack-[0-9]+)\..*",
            "__meta_kubernetes_pod_label_(.+)",
            "__meta_cmdb_(.*)",
            "([^.]+)[.]([^.]+)[.](.+)",
            "true",
            "",
            "web-?",
            "v[0-9]{1,}",
            "[0-9a-f]{8}-.+",
            r"(?P<name>\w+)/.*",
        ] {
            assert!(Sequence::new(&anchored(regex)).is_some(), "{regex}");
        }
        for regex in [
            "(.*):[0-9]+",
            "aa|b",
            ".",
            "a+ab",
            "(ab)+",
            "a{2,3}",
            r"\ba",
            "(?:a*)?",
            "a?a",
            "[^:]{3}",
        ] {
            assert!(Sequence::new(&anchored(regex)).is_none(), "{regex}");
        }
    }

    #[test]
    fn a_character_beyond_ascii_is_left_alone_where_it_may_be_meant() {
        let sequence = Sequence::new(&anchored(r"\d+;.*")).unwrap();
        let decide = |text| sequence.decide(text, |_, _| {});
        assert_eq!(decide("12;ä"), Decision::Match);
        assert_eq!(decide("x;ä"), Decision::NoMatch);
        assert_eq!(decide("1ä;"), Decision::Unsure);
        assert_eq!(decide("1٣;"), Decision::Unsure);
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "a",
            "b",
            ":",
            "-",
            "é",
            "ab",
            "[^:]+",
            "[^:]*",
            "[^é]+",
            "[ab]+",
            "[ab]*",
            "[ab]",
            "[0-9]+",
            r"\d+",
            r"\d*",
            ".+",
            ".*",
            "(a+)",
            "([^:]+)",
            "([^-]*)",
            "(?:-b)?",
            "(?::[0-9]+)?",
            r"(?::(\d+))?",
            "(-([ab]+))?",
            "a?",
            "1{2}",
            "[01]{2,}",
            "(?i:k)+",
            "(?i:k)",
            "[é-ü]+",
            "(?P<x>:)",
            "()",
            "-+",
            "(a(b)?)",
            "(?:1*:)?",
            "-??",
            "[ab]+?",
            "[^:]{2}",
            "[ab]{0}",
        ])
    }

    fn text() -> impl Strategy<Value = String> {
        let character = prop::sample::select(vec![
            'a', 'b', ':', '-', '1', '0', 'é', 'ü', '٣', 'k', 'K', '\u{212a}', 'z', '\n',
        ]);
        prop::collection::vec(character, 0..10).prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_sequence_decides_as_regex_does(pieces in prop::collection::vec(piece(), 0..6), texts in prop::collection::vec(text(), 20)) {
            let pattern = anchored(&pieces.concat());
            // A name may stand there twice.
            if let (Ok(regex), Some(sequence)) = (Regex::new(&pattern), Sequence::new(&pattern)) {
                for text in &texts {
                    if let Some(decided) = by_sequence(&sequence, regex.captures_len(), text) {
                        prop_assert_eq!(decided, by_regex(&regex, text), "{} on {:?}", pattern, text);
                    }
                }
            }
        }
    }
}
