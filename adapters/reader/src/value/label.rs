//! Label names, under both of Prometheus's validation schemes.

use headcount_core::planted;

/// Whether this may be a label's name. Under the `legacy` rules of Prometheus 2 that is
/// `[a-zA-Z_][a-zA-Z0-9_]*`, otherwise any text that is not empty.
pub fn is_label_name(name: &str, legacy: bool) -> bool {
    if !legacy {
        return !name.is_empty();
    }
    !name.is_empty()
        && planted!(!name.starts_with(|c: char| c.is_ascii_digit()), DigitMayBeFirst, true)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether this may be a label's name once its `$1` and `${name}` are filled in.
pub fn is_label_template(template: &str, legacy: bool) -> bool {
    if !legacy {
        return !template.is_empty();
    }
    if template.is_empty() || template.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut pieces = template.split('$');
    let before = pieces.next().unwrap_or_default();
    before.chars().all(is_word)
        && pieces.all(|piece| {
            let word = match piece.strip_prefix('{') {
                Some(braced) => match braced.split_once('}') {
                    Some((name, after)) if after.chars().all(is_word) => name,
                    _ => return false,
                },
                None => piece,
            };
            !word.is_empty() && word.chars().all(is_word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_names() {
        for name in ["a", "_", "__meta_x", "A9"] {
            assert!(is_label_name(name, true), "{name}");
        }
        for name in ["", "9a", "a-b", "a.b", "ä"] {
            assert!(!is_label_name(name, true), "{name}");
        }
        assert!(is_label_name("a-b ä", false));
        assert!(!is_label_name("", false));
    }

    #[test]
    fn legacy_templates() {
        for template in ["a", "$1", "${1}", "a_$1", "a${x}b", "${1}2", "$a$b"] {
            assert!(is_label_template(template, true), "{template}");
        }
        for template in ["", "1$1", "$", "a$", "${", "${}", "${a", "a-$1", "$-", "${a}-"] {
            assert!(!is_label_template(template, true), "{template}");
        }
    }
}
