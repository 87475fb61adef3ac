//! bash, whose words are not those of the command line: it takes `http://127.0.0.1:9099` for five of them, because `:` and `=`
//! separate words while it completes. So this asks with the line as it is typed, and splits that as a shell does; **what is
//! offered takes the place of what stands behind the last such letter**.

use std::borrow::Cow;
use std::fmt::Write;

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
const BREAKS: [char; 2] = [':', '='];

/// A command line as far as the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its words; the last is what is to be completed, and may be empty.
    pub(super) words: Vec<String>,
    /// Whether a quotation that began in the last word is not over.
    is_quoted: bool,
}

impl Line {
    pub(super) fn read(line: &str) -> Self {
        let mut words = vec![String::new()];
        let (mut quote, mut is_begun) = (None, false);
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            match (quote, letter) {
                (None, letter) if letter.is_whitespace() => {
                    if is_begun {
                        words.push(String::new());
                    }
                    is_begun = false;
                    continue;
                }
                (None, '\'' | '"') => quote = Some(letter),
                (Some(open), letter) if letter == open => quote = None,
                (None | Some('"'), '\\') => {
                    if let (Some(next), Some(word)) = (letters.next(), words.last_mut()) {
                        word.push(next);
                    }
                }
                _ => {
                    if let Some(word) = words.last_mut() {
                        word.push(letter);
                    }
                }
            }
            is_begun = true;
        }
        Self {
            words,
            is_quoted: quote.is_some(),
        }
    }

    /// Flags are offered to who begins one, or where there is nothing else.
    fn wanted<'a>(&self, values: impl Iterator<Item = Cow<'a, str>>) -> Vec<Cow<'a, str>> {
        let mut values: Vec<_> = values.filter(|value| !value.contains('\n')).collect();
        let is_empty = self.words.last().is_none_or(String::is_empty);
        if is_empty && values.iter().any(|value| !value.starts_with('-')) {
            values.retain(|value| !value.starts_with('-'));
        }
        values
    }

    /// What bash is to put in place of its own last word, a line for each of `values`.
    pub(super) fn completed<'a>(&self, values: impl Iterator<Item = Cow<'a, str>>) -> String {
        let word = self.words.last().map_or("", String::as_str);
        // Of what is quoted, all is one word for bash, too.
        let kept = match self.is_quoted {
            true => 0,
            false => word.rfind(BREAKS).map_or(0, |place| place.saturating_add(1)),
        };
        let mut lines = String::new();
        for value in self.wanted(values) {
            let Some(rest) = value.get(kept..) else { continue };
            for letter in rest.chars() {
                let is_plain = letter.is_alphanumeric() || "-_./+,@%:=~".contains(letter);
                if !is_plain && !self.is_quoted {
                    lines.push('\\');
                }
                // Writing into memory does not fail.
                write!(lines, "{letter}").ok();
            }
            lines.push('\n');
        }
        lines
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
        ] {
            assert_eq!(Line::read(line).words, words, "{line}");
        }
    }

    #[test]
    fn what_is_offered_stands_behind_what_bash_takes_for_a_word_of_its_own() {
        let completed =
            |line: &str, values: &[&str]| Line::read(line).completed(values.iter().map(|value| (*value).into()));
        assert_eq!(completed("h sd ", &["node", "a b"]), "node\na\\ b\n");
        assert_eq!(completed("h sd ", &["node", "--targets"]), "node\n");
        assert_eq!(completed("h sd ", &["--targets"]), "--targets\n");
        assert_eq!(completed("h sd team:n", &["team:node", "team:nginx"]), "node\nnginx\n");
        assert_eq!(completed("h --job=n", &["--job=node"]), "node\n");
        assert_eq!(completed("h sd 'team:n", &["team:no de"]), "team:no de\n");
    }
}
