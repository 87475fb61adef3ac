//! Environment variables in external labels: `$NAME`, `${NAME}`, and `$$` for a dollar sign.

use headcount_core::planted;

/// Replaces variables as Prometheus does. `variable` is asked for each name; what it answers for
/// a name that is not set decides what stands there then. Bad syntax (`${}`) disappears.
pub fn expand(text: &str, mut variable: impl FnMut(&str) -> String) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, length) = name(after);
        match (name, length) {
            ("", 0) => expanded.push('$'),
            ("", _) => {}
            ("$", _) => planted!(expanded.push('$'), TwoDollarsStay, expanded.push_str("$$")),
            (name, _) => expanded.push_str(&variable(name)),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    expanded.push_str(rest);
    expanded
}

/// The variable's name after a dollar sign, and how many bytes it takes with its braces.
fn name(after: &str) -> (&str, usize) {
    let is_special = |c: char| matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-') || c.is_ascii_digit();
    if let Some(braced) = after.strip_prefix('{') {
        return match braced.split_once('}') {
            Some((name, _)) => (name, name.len() + 2),
            None => ("", 1),
        };
    }
    if after.starts_with(is_special) {
        return (after.get(..1).unwrap_or_default(), 1);
    }
    let end = after
        .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
        .unwrap_or(after.len());
    (after.get(..end).unwrap_or_default(), end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> String {
        expand(text, |name| {
            if name == "HOST" {
                "web1".to_owned()
            } else {
                String::new()
            }
        })
    }

    #[test]
    fn expands_as_prometheus_does() {
        for (text, result) in [
            ("plain", "plain"),
            ("$HOST", "web1"),
            ("a-${HOST}-b", "a-web1-b"),
            ("$HOST.example", "web1.example"),
            ("$$HOST", "$HOST"),
            ("${$}", "$"),
            ("$UNSET!", "!"),
            ("cost: 5$", "cost: 5$"),
            ("a${}b", "ab"),
            ("a${HOST", "aHOST"),
            ("$1x", "x"),
            ("$ä", "$ä"),
        ] {
            assert_eq!(expanded(text), result, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_dollar_is_kept(text in "[^$]*") {
            prop_assert_eq!(expanded(&text), text);
        }

        #[test]
        fn any_text_is_answered(text in "[${}A-Z\\PC]{0,16}") {
            let _ = expanded(&text);
        }
    }
}
