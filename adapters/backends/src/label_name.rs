//! Names of labels that are made of texts which a name can't have as they are.

/// A label's name: `prefix`, and then the text with `_` for each character that a label name can't have.
pub(crate) fn label_name(prefix: &str, text: &str) -> String {
    let mut name = String::with_capacity(prefix.len().saturating_add(text.len()));
    name.push_str(prefix);
    push_sanitized(&mut name, text);
    name
}

/// Adds a text to a name, with `_` for each character that a label name can't have.
pub(crate) fn push_sanitized(name: &mut String, text: &str) {
    // Piece by piece, as a fifth of the time of a large answer would go into letters.
    let mut rest = text;
    loop {
        let good = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric());
        let (piece, others) = rest.split_at_checked(good.unwrap_or(rest.len())).unwrap_or((rest, ""));
        name.push_str(piece);
        let mut others = others.chars();
        if others.next().is_none() {
            return;
        }
        name.push('_');
        rest = others.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_that_a_name_cannot_have_becomes_one_underscore() {
        for (text, name) in [
            ("app.kubernetes.io/größe-9", "p_app_kubernetes_io_gr__e_9"),
            ("_X9", "p__X9"),
            ("-", "p__"),
            ("", "p_"),
        ] {
            assert_eq!(label_name("p_", text), name);
        }
    }
}
