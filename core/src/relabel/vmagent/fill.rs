//! Replacements with labels in them, `{{name}}`, read once.
//!
//! **What labels are filled in may refer to groups in its turn**, so what came of it is read for each target that has a `$` in
//! it.

use regex::Regex;

use crate::relabel::matcher::Matcher;
use crate::relabel::template::Template;

/// A rule that fills labels into its replacement.
#[derive(Debug)]
pub(in crate::relabel) struct Fill {
    pub(super) matcher: Matcher,
    pub(super) regex: Regex,
    target: Box<str>,
    /// The target, where it refers to groups.
    pub(super) named: Option<Template>,
    pub(super) pieces: Box<[Piece]>,
    /// The labels that are filled in, in order.
    pub(super) labels: Box<[Box<str>]>,
    /// Whether anything matches, and nothing that is written refers to a group.
    pub(super) is_plain: bool,
}

/// A piece of a replacement.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Box<str>),
    /// The next label.
    Label,
}

impl Fill {
    pub(in crate::relabel) fn new(matcher: Matcher, regex: &Regex, target: &str, replacement: &str) -> Self {
        let mut labels: Vec<Box<str>> = Vec::new();
        let pieces = references(replacement).map(|part| match part {
            Part::Text(text) => Piece::Text(text.into()),
            Part::Label(name) => {
                labels.push(name.into());
                Piece::Label
            }
        });
        let pieces = pieces.collect();
        Self {
            is_plain: matches!(matcher, Matcher::Anything) && !target.contains('$') && !replacement.contains('$'),
            matcher,
            named: target.contains('$').then(|| Template::read(target, regex)),
            regex: regex.clone(),
            target: target.into(),
            pieces,
            labels: labels.into(),
        }
    }

    /// The label that is set, where that depends on no group.
    pub(in crate::relabel) fn target(&self) -> Option<&str> {
        match self.named {
            Some(_) => None,
            None => Some(&self.target),
        }
    }
}

/// A part of a replacement with labels in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    /// The value of the label with this name.
    Label(&'t str),
}

/// The parts of a replacement. What is not closed is text.
pub(super) fn references(replacement: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = replacement;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (before, behind) = rest.split_once("{{").unwrap_or((rest, ""));
        if !before.is_empty() {
            rest = rest.get(before.len()..).unwrap_or_default();
            return Some(Part::Text(before));
        }
        match behind.split_once("}}") {
            Some((name, after)) => {
                rest = after;
                Some(Part::Label(name))
            }
            None => Some(Part::Text(core::mem::take(&mut rest))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_in_two_braces_and_what_is_open_is_text() {
        let parts = |text| references(text).collect::<Vec<_>>();
        assert_eq!(
            parts("a{{b}}{{c}}:{d}$1"),
            [
                Part::Text("a"),
                Part::Label("b"),
                Part::Label("c"),
                Part::Text(":{d}$1")
            ]
        );
        assert_eq!(parts("{{a"), [Part::Text("{{a")]);
        assert_eq!(parts("x{{a}"), [Part::Text("x"), Part::Text("{{a}")]);
        assert_eq!(parts("{{}}"), [Part::Label("")]);
        assert_eq!(parts(""), []);
    }
}
