//! What is remarkable about a configuration and not wrong, a line each.
//!
//! **What is said of many places alike is one line**: the first of them, and how many there are. Who wants more (`-v`) gets
//! them all.

use std::collections::HashMap;

use headcount_reader::{Problem, ProblemKind};

/// So many that are alike are still told one by one.
const FEW: usize = 3;

/// What makes notes alike.
#[derive(PartialEq, Eq, Hash)]
enum Likeness {
    /// Targets that are written down and not scraped, for whatever reason each.
    Targets,
    /// The same words about the same field, wherever that stands.
    Words { field: String, words: String },
}

impl Likeness {
    fn of(note: &Problem) -> Self {
        match &note.kind {
            ProblemKind::InvalidTarget { .. } | ProblemKind::More { .. } => Self::Targets,
            kind => Self::Words {
                field: without_places(&note.field),
                words: kind.to_string(),
            },
        }
    }
}

/// `scrape_configs[2].params` without its numbers.
fn without_places(field: &str) -> String {
    let mut is_inside = false;
    let is_kept = |letter: &char| {
        match letter {
            '[' => is_inside = true,
            ']' => is_inside = false,
            _ => return !is_inside,
        }
        true
    };
    field.chars().filter(is_kept).collect()
}

/// The lines, in the order of the first of each kind.
pub(super) fn lines<'a>(notes: impl IntoIterator<Item = &'a Problem>, all: bool) -> Vec<String> {
    let mut places = HashMap::new();
    let mut kinds: Vec<Vec<&Problem>> = Vec::new();
    for note in notes {
        let place = match all {
            true => kinds.len(),
            false => *places.entry(Likeness::of(note)).or_insert(kinds.len()),
        };
        match kinds.get_mut(place) {
            Some(kind) => kind.push(note),
            None => kinds.push(vec![note]),
        }
    }
    kinds.iter().flat_map(|kind| of_kind(kind)).collect()
}

fn of_kind(notes: &[&Problem]) -> Vec<String> {
    // Some stand for several that were not kept.
    let count = |note: &&Problem| match note.kind {
        ProblemKind::More { count } => count,
        _ => 1,
    };
    match notes {
        [first, .., last] if notes.len() > FEW => {
            let more: usize = notes.iter().skip(1).map(count).sum();
            let end = last
                .position
                .map(|position| format!(":{}", position.line))
                .unwrap_or_default();
            let end = format!("{}{end}", last.file.display());
            vec![format!(
                "{first}; and {more} more like this, the last in {end}: -v lists them (warning)"
            )]
        }
        few => few.iter().map(|note| format!("{note} (warning)")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use headcount_reader::Position;

    use super::*;

    fn note(line: usize, field: &str, kind: ProblemKind) -> Problem {
        Problem {
            file: Path::new("p.yml").into(),
            position: Some(Position { line, column: 3 }),
            field: field.to_owned(),
            kind,
        }
    }

    #[test]
    fn what_is_said_of_many_places_alike_is_one_line() {
        let alike = |job: usize| {
            note(
                job,
                &format!("scrape_configs[{job}].scrape_classic"),
                ProblemKind::ForVmagent,
            )
        };
        let other = note(2, "scrape_configs[1].other", ProblemKind::ForVmagent);
        let mut notes: Vec<_> = (1..=3).map(alike).collect();
        notes.insert(1, other);
        // A few are told one by one.
        assert_eq!(lines(&notes, false).len(), 4);
        notes.extend((12..=58).map(alike));
        let summed = lines(&notes, false);
        assert_eq!(summed.len(), 2, "{summed:?}");
        assert!(
            summed[0].starts_with("p.yml:1:3: scrape_configs[1].scrape_classic: "),
            "{summed:?}"
        );
        assert!(
            summed[0].ends_with("; and 49 more like this, the last in p.yml:58: -v lists them (warning)"),
            "{summed:?}"
        );
        assert!(
            summed[1].starts_with("p.yml:2:3: scrape_configs[1].other: "),
            "{summed:?}"
        );
        let all = lines(&notes, true);
        assert_eq!(all.len(), 51);
        assert!(
            all.iter()
                .all(|line| line.ends_with(" (warning)") && !line.contains("more like this"))
        );
    }

    #[test]
    fn targets_that_are_not_scraped_are_alike_whatever_is_wrong_with_each() {
        let target = |name: &str| ProblemKind::InvalidTarget {
            target: name.to_owned(),
            reason: format!("{name} is wrong"),
        };
        let mut notes: Vec<_> = ["a", "b", "c"]
            .map(|name| note(1, &format!("job {name}"), target(name)))
            .into();
        notes.push(note(7, "job d", ProblemKind::More { count: 40 }));
        let summed = lines(&notes, false);
        assert_eq!(summed.len(), 1, "{summed:?}");
        // Two after the first, and the forty that were not kept.
        assert!(
            summed[0].contains("; and 42 more like this, the last in p.yml:7"),
            "{summed:?}"
        );
    }
}
