//! What an expression of PromQL names: metrics, what their labels are to be, and labels by which it groups. Whether it is
//! an expression at all is promtool's to say.

/// What stands in one.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) metrics: Vec<Metric>,
    pub(super) grouped: Vec<String>,
}

/// A metric, with labels and what they are compared with.
#[derive(Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) matchers: Vec<(String, String)>,
}

const GROUPING: [&str; 6] = ["on", "ignoring", "by", "without", "group_left", "group_right"];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// Reads an expression.
pub(super) fn read(expression: &str) -> Named {
    let mut named = Named::default();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            rest = after(rest, ']');
        } else if first == '"' {
            rest = after(&rest[1..], '"');
        } else if first.is_ascii_digit() {
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '.');
        } else if is_of_name(first) {
            let (word, behind) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
            rest = behind;
            let next = behind.trim_start();
            let grouping = |word: &&str| next.starts_with(*word) && !next[word.len()..].starts_with(is_of_name);
            let is_aggregation = GROUPING[2..4].iter().any(grouping);
            if GROUPING.contains(&word) && next.starts_with('(') {
                let labels = next[1..].split(')').next().unwrap_or_default().split(',');
                named.grouped.extend(
                    labels
                        .map(|label| label.trim().to_owned())
                        .filter(|label| !label.is_empty()),
                );
                rest = after(next, ')');
            } else if next.starts_with('(') || is_aggregation || GROUPING.contains(&word) || OPERATORS.contains(&word) {
                // A function, an aggregation or an operator.
            } else {
                let is_narrowed = next.starts_with('{');
                named.metrics.push(Metric {
                    name: word.to_owned(),
                    matchers: if is_narrowed { matchers(next) } else { Vec::new() },
                });
                rest = if is_narrowed { after(next, '}') } else { next };
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    named
}

/// The labels in braces at the beginning of a text, with what they are compared with; none where there are no braces.
pub(super) fn matchers(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.strip_prefix('{').unwrap_or_default();
    while let Some((label, behind)) = rest.split_once('"') {
        if label.contains('}') {
            break;
        }
        let label = label.trim_matches(|letter| !is_of_name(letter));
        let ends = behind.find('"').expect("a value ends");
        found.push((label.to_owned(), behind[..ends].to_owned()));
        rest = &behind[ends + 1..];
    }
    found
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

fn after(text: &str, end: char) -> &str {
    text.find(end).map_or("", |at| &text[at + end.len_utf8()..])
}

#[test]
fn metrics_are_told_from_functions_operators_and_labels() {
    let named = read(
        "sum by (config, name) (rate(a_total{x=\"1\", y=~\"$y\"}[5m])) / on (job) group_left sum without (z) (b) > 0.8 * c \
         and on (job, instance) d unless absent(e) or 4 * 3600 < bool f offset 5m",
    );
    let names: Vec<_> = named.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["a_total", "b", "c", "d", "e", "f"]);
    assert_eq!(
        named.metrics[0].matchers,
        [("x".to_owned(), "1".to_owned()), ("y".to_owned(), "$y".to_owned())]
    );
    assert_eq!(named.grouped, ["config", "name", "job", "z", "job", "instance"]);
}
