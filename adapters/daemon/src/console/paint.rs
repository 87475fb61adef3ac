//! Colours of what people read.
//!
//! **A line is what is painted, and after all text from elsewhere was made printable**: so nothing but these sequences commands
//! the terminal, and without them every byte is the same.

use crate::cli::ColorChoice;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    /// Neither: a warning, or something that changes.
    Mind,
}

/// What is said by the lines of a text.
pub(crate) type Judge = fn(&str) -> Option<Tone>;

/// Whether there are colours. `variable` is an environment variable's value.
pub(super) fn wanted(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // As https://no-color.org has it: an empty one is none.
        ColorChoice::Auto => {
            is_terminal
                && variable("NO_COLOR").is_none_or(|value| value.is_empty())
                && variable("TERM").is_none_or(|terminal| terminal != "dumb")
        }
    }
}

pub(super) fn painted(text: &str, judge: Judge) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let Some(tone) = judge(bare) else {
            out.push_str(line);
            continue;
        };
        out.push_str(match tone {
            Tone::Good => "\u{1b}[32m",
            Tone::Bad => "\u{1b}[31m",
            Tone::Mind => "\u{1b}[33m",
        });
        out.push_str(bare);
        out.push_str("\u{1b}[0m");
        out.push_str(line.get(bare.len()..).unwrap_or_default());
    }
    out
}

/// Of `check`: errors, warnings, and what is right.
pub(crate) fn check(line: &str) -> Option<Tone> {
    if line.ends_with("(warning)") {
        return Some(Tone::Mind);
    }
    Some(if line.contains(": ok: ") { Tone::Good } else { Tone::Bad })
}

/// Of `diff`, by the mark that a line begins with.
pub(crate) fn diff(line: &str) -> Option<Tone> {
    let (mark, _) = line.trim_start().split_once(' ')?;
    match mark {
        "+" => Some(Tone::Good),
        "-" => Some(Tone::Bad),
        "~" | ">" | "!" | "?" => Some(Tone::Mind),
        _ => None,
    }
}

/// Of `explain`: what became of each target, and what is wrong.
pub(crate) fn explain(line: &str) -> Option<Tone> {
    if !line.starts_with(' ') {
        return match line.rsplit_once(" is ")?.1 {
            "active" => Some(Tone::Good),
            "dropped" | "duplicate" | "invalid" | "nowhere" => Some(Tone::Bad),
            _ => Some(Tone::Mind),
        };
    }
    match line.split_whitespace().next()? {
        "because" => Some(Tone::Bad),
        "beware" | "stale" | "held" => Some(Tone::Mind),
        _ => None,
    }
}

/// Of `status`: the words of states that are not well.
pub(crate) fn status(line: &str) -> Option<Tone> {
    if line.starts_with("headcount ") {
        return Some(if line.contains(" is ready") {
            Tone::Good
        } else {
            Tone::Bad
        });
    }
    let mut words = line.split_whitespace();
    match words.find(|word| {
        [
            "NOT",
            "failing",
            "withheld",
            "held",
            "partial",
            "incomplete",
            "restored",
        ]
        .contains(word)
    })? {
        "NOT" | "failing" | "withheld" => Some(Tone::Bad),
        _ => Some(Tone::Mind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_unless_somebody_says_otherwise() {
        let none = |_: &str| None;
        let set =
            |name: &'static str, value: &'static str| move |asked: &str| (asked == name).then(|| value.to_owned());
        assert!(wanted(ColorChoice::Auto, true, none));
        assert!(!wanted(ColorChoice::Auto, false, none));
        assert!(!wanted(ColorChoice::Auto, true, set("NO_COLOR", "1")));
        assert!(wanted(ColorChoice::Auto, true, set("NO_COLOR", "")));
        assert!(!wanted(ColorChoice::Auto, true, set("TERM", "dumb")));
        assert!(wanted(ColorChoice::Always, false, set("NO_COLOR", "1")));
        assert!(!wanted(ColorChoice::Never, true, none));
    }

    #[test]
    fn without_colours_every_byte_is_the_same() {
        let text = "a is active\n  because x\n\nrest";
        let painted = painted(text, explain);
        assert_eq!(
            painted,
            "\u{1b}[32ma is active\u{1b}[0m\n\u{1b}[31m  because x\u{1b}[0m\n\nrest"
        );
        let bare = ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[0m"]
            .into_iter()
            .fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(bare, text);
    }

    #[test]
    fn lines_are_judged_by_what_they_say() {
        use Tone::{Bad, Good, Mind};
        for (judge, line, expected) in [
            (check as Judge, "a.yml: ok: 1 job", Some(Good)),
            (check, "a.yml:1:2: unknown field", Some(Bad)),
            (check, "a.yml:1:2: look (warning)", Some(Mind)),
            (diff, "    + a:1", Some(Good)),
            (diff, "- job \"a\"", Some(Bad)),
            (diff, "    ~ relabel_configs differs", Some(Mind)),
            (diff, "A reload from a to b", None),
            (explain, "a:1 in job \"b\" is dropped", Some(Bad)),
            (explain, "  found by     file/0", None),
            (status, "headcount 1 is ready, up 1s", Some(Good)),
            (status, "headcount 1 is not ready, up 1s", Some(Bad)),
            (status, "consul/0  failing  100", Some(Bad)),
            (status, "http/3    held     100", Some(Mind)),
            (status, "file/2    ok       100", None),
        ] {
            assert_eq!(judge(line), expected, "{line}");
        }
    }
}
