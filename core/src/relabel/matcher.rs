//! What has to match, and the groups that it finds.

use regex::{CaptureLocations, Regex};

use super::sequence::{Decision, Sequence};
use super::template::Template;

/// A regular expression, by the cheapest means there is for it. **They differ in cost alone.** Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// `(.*)`: anything, and all of it is the first group.
    Anything,
    Sequence(Sequence, Regex),
    Regex(Regex),
}

/// Where groups were found; kept for its allocations. Belongs to one expression.
#[derive(Debug, Default)]
pub(super) struct Groups {
    locations: Option<CaptureLocations>,
    marks: Vec<Option<usize>>,
}

impl Matcher {
    /// `regex` is compiled from `anchored`.
    pub(super) fn new(anchored: &str, regex: Regex) -> Self {
        if anchored == "^(?s:(.*))$" {
            return Self::Anything;
        }
        match Sequence::new(anchored) {
            Some(sequence) => Self::Sequence(sequence, regex),
            None => Self::Regex(regex),
        }
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Sequence(sequence, regex) => match sequence.decide(text, |_, _| {}) {
                Decision::Match => true,
                Decision::NoMatch => false,
                Decision::Unsure => regex.is_match(text),
            },
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// Fills in templates, if the text matches. Says whether it does.
    pub(super) fn expand<const N: usize>(
        &self,
        text: &str,
        groups: &mut Groups,
        templates: [(&Template, &mut String); N],
    ) -> bool {
        let regex = match self {
            Self::Anything => {
                for (template, out) in templates {
                    template.fill(|_| Some(text), out);
                }
                return true;
            }
            Self::Sequence(sequence, regex) => {
                let marks = &mut groups.marks;
                marks.clear();
                marks.resize(regex.captures_len().saturating_mul(2), None);
                let decision = sequence.decide(text, |number, place| {
                    if let Some(mark) = marks.get_mut(number) {
                        *mark = Some(place);
                    }
                });
                match decision {
                    Decision::NoMatch => return false,
                    Decision::Match => {
                        let find = |group: usize| match group.checked_mul(2).and_then(|first| marks.get(first..)) {
                            _ if group == 0 => Some(text),
                            Some([Some(start), Some(end), ..]) => text.get(*start..*end),
                            _ => None,
                        };
                        for (template, out) in templates {
                            template.fill(find, out);
                        }
                        return true;
                    }
                    Decision::Unsure => regex,
                }
            }
            Self::Regex(regex) => regex,
        };
        let locations = groups.locations.get_or_insert_with(|| regex.capture_locations());
        if regex.captures_read(locations, text).is_none() {
            return false;
        }
        for (template, out) in templates {
            template.expand(text, locations, out);
        }
        true
    }
}
