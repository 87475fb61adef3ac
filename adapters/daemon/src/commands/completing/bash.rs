//! bash, whose words are not those of the command line: it takes `http://127.0.0.1:9099` for five of them, because `:` and `=`
//! separate words while it completes. So this asks with the line as it is typed, and splits that as a shell does.
//!
//! **What is offered takes the place of what bash takes for the last word, and reads back as the name that was meant**: bash
//! puts it into the line as it is, so whatever a shell would do something with is escaped, for the quotation that it comes to
//! stand in.

use std::borrow::Cow;

use headcount_core::is_printable;

/// What bash is to source.
pub(super) const SCRIPT: &str = r#"_headcount() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(HEADCOUNT_COMPLETE=bash "${COMP_WORDS[0]}" -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -F _headcount headcount
"#;

/// What separates words for bash while it completes, and for nobody else.
const BREAKS: [char; 3] = [':', '=', '@'];

/// What the last word stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotation {
    None,
    Single,
    Double,
    /// `$'…'`, in which a backslash means more than is read here, so that nothing is offered.
    Escapes,
}

/// A command line as far as the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its words; the last is what is to be completed, and may be empty.
    pub(super) words: Vec<String>,
    /// What the last word's end stands in.
    quotation: Quotation,
    /// How many bytes of the last word bash leaves as they are.
    kept: usize,
    /// Whether the last word begins with a folder of somebody's own, which a quoted `~` is not.
    is_home: bool,
}

impl Line {
    pub(super) fn read(line: &str) -> Self {
        let mut words = vec![String::new()];
        let mut word = String::new();
        let (mut quotation, mut is_begun, mut is_home) = (Quotation::None, false, false);
        // What is kept, and what was kept before a quotation began.
        let (mut kept, mut kept_before) = (0, 0);
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match (quotation, letter) {
                (Quotation::None, ' ' | '\t' | '\n') => {
                    if is_begun {
                        set_last(&mut words, &mut word);
                        words.push(String::new());
                    }
                    (is_begun, is_home, kept) = (false, false, 0);
                    continue;
                }
                (Quotation::None, '\'' | '"') => {
                    quotation = match letter {
                        '"' => Quotation::Double,
                        _ => Quotation::Single,
                    };
                    (kept_before, kept) = (kept, word.len());
                }
                (Quotation::None, '$') if letters.next_if_eq(&'\'').is_some() => quotation = Quotation::Escapes,
                (Quotation::Single | Quotation::Escapes, '\'') | (Quotation::Double, '"') => {
                    // Once it is over, the quotation is a part of the word like any other.
                    (quotation, kept) = (Quotation::None, kept_before);
                }
                (Quotation::None | Quotation::Escapes, '\\') => word.extend(letters.next()),
                (Quotation::Double, '\\') => {
                    let escaped = letters.next_if(|next| "$`\"\\\n".contains(*next));
                    word.push(escaped.unwrap_or(letter));
                }
                _ => {
                    is_home |= letter == '~' && quotation == Quotation::None && !is_begun;
                    word.push(letter);
                    if quotation == Quotation::None && BREAKS.contains(&letter) {
                        kept = word.len();
                    }
                }
            }
            is_begun = true;
        }
        set_last(&mut words, &mut word);
        Self {
            words,
            quotation,
            kept,
            is_home,
        }
    }

    /// Flags are offered to who begins one, or where there is nothing else.
    fn wanted<'a>(&self, values: impl Iterator<Item = Cow<'a, str>>) -> Vec<Cow<'a, str>> {
        let mut values: Vec<_> = values.filter(|value| value.chars().all(is_printable)).collect();
        let is_empty = self.words.last().is_none_or(String::is_empty);
        if is_empty && values.iter().any(|value| !value.starts_with('-')) {
            values.retain(|value| !value.starts_with('-'));
        }
        values
    }

    /// What bash is to put in place of its own last word, a line for each of `values`.
    pub(super) fn completed<'a>(&self, values: impl Iterator<Item = Cow<'a, str>>) -> String {
        let mut lines = String::new();
        for value in self.wanted(values) {
            if let Some(rest) = value.get(self.kept..)
                && let Some(written) = self.written(rest)
            {
                lines.push_str(&written);
                lines.push('\n');
            }
        }
        lines
    }

    /// What reads back as `text` at the end of the line, if there is something.
    fn written(&self, text: &str) -> Option<String> {
        let mut written = String::with_capacity(text.len());
        for (place, letter) in text.char_indices() {
            let is_last = place.saturating_add(letter.len_utf8()) == text.len();
            let escape = match (self.quotation, letter) {
                (Quotation::Escapes, _) => return None,
                // readline ends the quotation, but for a text that has its sign at the end.
                (Quotation::Single, '\'') if is_last => "'\\'",
                (Quotation::Double, '!') if is_last => "\"\\!\"\"",
                (Quotation::Double, '"') if is_last => "\\\"\"",
                (Quotation::Single, '\'') => "'\\''",
                (Quotation::Single, _) => "",
                // No backslash keeps an interactive shell from looking up history within these quotes.
                (Quotation::Double, '!') => "\"\\!\"",
                (Quotation::Double, '$' | '`' | '"' | '\\') => "\\",
                (Quotation::Double, _) => "",
                (Quotation::None, '~') if self.is_home && place == 0 => "",
                (Quotation::None, letter) if letter.is_alphanumeric() || "-_./+,@%:=".contains(letter) => "",
                (Quotation::None, _) => "\\",
            };
            written.push_str(escape);
            // An escape of several letters has the letter itself.
            if escape.len() < 2 {
                written.push(letter);
            }
        }
        Some(written)
    }
}

fn set_last(words: &mut [String], word: &mut String) {
    if let Some(last) = words.last_mut() {
        *last = std::mem::take(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        for (line, words) in [
            ("headcount ", &["headcount", ""][..]),
            ("headcount sd  p", &["headcount", "sd", "p"]),
            ("h --url http://[::1]:90/ x", &["h", "--url", "http://[::1]:90/", "x"]),
            (r#"h 'a b' "c d"e f\ g "#, &["h", "a b", "c de", "f g", ""]),
            (r#"h '' "a\"b" 'c\d"#, &["h", "", "a\"b", "c\\d"]),
            (r#"h "a\b\$" x\"#, &["h", "a\\b$", "x"]),
            ("h a\u{a0}b", &["h", "a\u{a0}b"]),
        ] {
            assert_eq!(Line::read(line).words, words, "{line}");
        }
    }

    fn completed(line: &str, values: &[&str]) -> String {
        Line::read(line).completed(values.iter().map(|value| (*value).into()))
    }

    #[test]
    fn what_is_offered_stands_behind_what_bash_takes_for_a_word_of_its_own() {
        assert_eq!(completed("h sd ", &["node", "a b"]), "node\na\\ b\n");
        assert_eq!(completed("h sd ", &["node", "--targets"]), "node\n");
        assert_eq!(completed("h sd ", &["--targets"]), "--targets\n");
        assert_eq!(completed("h sd team:n", &["team:node", "team:nginx"]), "node\nnginx\n");
        assert_eq!(completed("h sd me@n", &["me@node"]), "node\n");
        assert_eq!(completed(r"h sd team\:n", &["team:node"]), "team:node\n");
        assert_eq!(completed("h --job=n", &["--job=node"]), "node\n");
        assert_eq!(completed("h --job='two w", &["--job=two words"]), "two words\n");
        assert_eq!(completed("h sd 'team:n", &["team:no de"]), "team:no de\n");
        assert_eq!(completed("h sd 'two w'o", &["two words"]), "two\\ words\n");
    }

    #[test]
    fn a_folder_of_ones_own_stays_one_and_a_name_becomes_none() {
        assert_eq!(completed("h sd ~/p", &["~/p.yml"]), "~/p.yml\n");
        assert_eq!(completed("h sd ", &["~root"]), "\\~root\n");
        assert_eq!(completed(r"h sd \~", &["~root"]), "\\~root\n");
    }

    #[test]
    fn what_can_not_be_shown_or_written_is_not_offered() {
        assert_eq!(
            completed("h sd ", &["a\nb", "a\rb", "a\u{1b}[2J", "a\u{202e}b", "fine"]),
            "fine\n"
        );
        assert_eq!(completed("h sd $'a", &["ab"]), "");
    }
}
