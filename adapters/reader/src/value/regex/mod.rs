//! Regular expressions in Go's syntax (RE2), checked, and translated for the `regex` crate.
//!
//! The two dialects differ in small ways that operators meet: `\Q…\E`, `\123`, a lone `{`, a `[`
//! inside a class, and `\d`, which is ASCII only in Go. What Go refuses is refused here; what Go
//! takes means the same after translation.

mod allowance;
mod class;
mod escape;
mod known;
mod nesting;
mod property;
mod translate;

use std::sync::LazyLock;

pub use allowance::RegexAllowance;
use headcount_core::relabel::{RegexFault, RuleRegex};
use known::Known;
use translate::{Translated, translate};

/// Expressions that are not higher than this are compiled where they are read.
const LOW: usize = 100;
/// Enough for the highest, without any optimisation.
const LARGE_STACK: usize = 64 << 20;

/// Of the whole process: whether an expression is right depends on nothing but its text.
static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);

/// Why a regular expression can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// `*`, `+`, `?` or `{n}` with nothing before it.
    #[error(
        "the regular expression has a `{operator}` with nothing before it to repeat; write `\\{operator}` for the character itself"
    )]
    NothingToRepeat {
        /// The operator.
        operator: char,
    },
    /// `a**`, `a{2}{3}` and the like.
    #[error("the regular expression repeats a repetition; put the inner one into (?:…)")]
    NestedRepetition,
    /// `{n}` with a number above 1000, or `{n,m}` with m below n.
    #[error("the regular expression has an invalid repeat count; use at most 1000, and the smaller number first")]
    RepeatCount,
    /// `(a{100}){11}`: counts that stand in each other, and repeat more than 1000 times together.
    #[error("the regular expression repeats what is repeated, more than 1000 times together; use smaller counts")]
    NestedCounts,
    /// Its tree would be higher than 1000.
    #[error("the regular expression has groups and repetitions that stand in each other more than 1000 levels deep")]
    TooDeep,
    /// A backslash before something that it has no meaning for.
    #[error("the regular expression has the unknown escape `\\{escape}`")]
    Escape {
        /// What follows the backslash; empty at the end.
        escape: String,
    },
    /// `\p{…}` with something that Go does not know.
    #[error(
        "the regular expression has the unknown property `\\{property}`; Go knows general categories, such as `\\p{{Lu}}`, and scripts, such as `\\p{{Greek}}`"
    )]
    Property {
        /// What follows the backslash.
        property: String,
    },
    /// `(?…)` with flags that Go does not have.
    #[error(
        "the regular expression has an unknown group `(?{group}`; Go knows (?:…), (?P<name>…) and the flags i, m, s, U"
    )]
    Group {
        /// How the group begins.
        group: String,
    },
    /// A `[` without its `]`.
    #[error("the regular expression has a `[` without its `]`")]
    OpenClass,
    /// `[b-a]`, or a range with a class at its end.
    #[error("the regular expression has a range in `[…]` that does not go up from one character to another")]
    Range,
    /// `[[:name:]]` with a name that does not exist.
    #[error("the regular expression has the unknown class `[:{name}:]`")]
    UnknownClass {
        /// The name.
        name: String,
    },
    /// `(` and `)` don't pair up.
    #[error("the regular expression has parentheses that don't pair up")]
    Parentheses,
    /// It is so deep that it has to be compiled on a thread of its own, and there is none to be had.
    #[error(
        "the regular expression stands in itself so deep that compiling it takes a thread of its own, which can't be started: {0}"
    )]
    NoThread(std::io::ErrorKind),
    /// There are more new ones at once than [allowed](RegexAllowance).
    #[error(
        "there are more than {most} regular expressions here that no job of this process has; take less of them at once"
    )]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// What it means can't be carried out.
    #[error(transparent)]
    Fault(#[from] RegexFault),
}

/// Checks a rule's `regex`, and translates it for the `regex` crate.
///
/// # Errors
/// When Go would refuse it.
///
/// ```
/// let regex = headcount_reader::parse_regex(r"\Qa.b\E(\d+)").unwrap();
/// assert!(regex.is_match("a.b42"));
/// assert!(headcount_reader::parse_regex("a**").is_err());
/// ```
pub fn parse_regex(text: &str) -> Result<RuleRegex, RegexError> {
    if let Some(known) = KNOWN.get(text) {
        return Ok(known);
    }
    // Prometheus anchors first and parses then, so an open `\Q` swallows the end.
    let Translated {
        text: translated,
        height,
    } = translate(&format!("^(?s:{text})$"))?;
    let regex = RuleRegex::translated(text, translated);
    compile(&regex, height)?;
    KNOWN.add(&regex);
    Ok(regex)
}

/// The same for an expression that looks for parts of a text, and is not anchored.
///
/// # Errors
/// When Go would refuse it.
pub fn parse_part_regex(text: &str) -> Result<RuleRegex, RegexError> {
    let Translated {
        text: translated,
        height,
    } = translate(text)?;
    let regex = RuleRegex::translated(text, translated);
    compile(&regex, height)?;
    Ok(regex)
}

/// Compiles an expression whose tree is so high. The library walks down the tree to do so, and a thousand levels take more
/// than what a thread has by default, so for that it has a thread of its own.
fn compile(regex: &RuleRegex, height: usize) -> Result<(), RegexError> {
    let limit = allowance::take()?;
    let check = || limit.map_or_else(|| regex.check(), |bytes| regex.check_within(bytes));
    if height <= LOW {
        return Ok(check()?);
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(LARGE_STACK);
        let walk = thread
            .spawn_scoped(scope, check)
            .map_err(|error| RegexError::NoThread(error.kind()))?;
        // What panics there would have panicked here.
        let checked = walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(checked?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_match(expression: &str, text: &str) -> bool {
        let regex = parse_regex(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        regex.is_match(text)
    }

    #[test]
    fn what_go_takes_means_the_same() {
        for (expression, text) in [
            ("", ""),
            ("(.*)", "a\nb"),
            (r"\Qa.b|c\E+", "a.b|cc"),
            (r"\101\x41\x{42}", "AAB"),
            (r"a{", "a{"),
            (r"a{,5}", "a{,5}"),
            (r"{name}", "{name}"),
            (r"a{2}b{1,}c{0,3}?", "aabbc"),
            (r"[[a]", "["),
            (r"[a&&b]+", "&a"),
            (r"[]a]+", "]a"),
            (r"[^]a]", "b"),
            (r"[a-]+", "a-"),
            (r"[-a]+", "a-"),
            (r"[[:alpha:]_]+", "a_"),
            (r"[\d_]+", "1_"),
            (r"[~~]+", "~"),
            (r"\<a\>\_\-\/", "<a>_-/"),
            (r"(?P<name>a)(?:b)(?i)C", "abc"),
            (r"(?i:AB)c", "abc"),
            (r"^a$", "a"),
            (r"a(?i)*B", "aab"),
            (r"a|*".trim_end_matches('*'), ""),
            (r"\pL\p{Greek}\p{^Greek}", "aαa"),
            (r"(?P<a>x)(?P<a>y)", "xy"),
            (r"(?s-s)x", "x"),
            (r"(?ii)X", "x"),
            (r"a+(?i)?", ""),
            (r"(a)+(?s-s)(?i){2}", "aaa"),
            (r"b(?U)(?i){2}", "bb"),
            (r"\Qab\E(?i)+(?)?", "abb"),
            (r"(?i-i)x", "x"),
            (r"a(?)b(?:)", "ab"),
            (r"[\p{Lu}-z]+", "A-z"),
            (r"[\d-z]+", "1-z"),
            (r"[a-c-e]+", "b-e"),
            (r"[+--]+", "+,-"),
            (r"[^\x{D800}]\P{Cs}", "a\n"),
            (r"[\x{D000}-\x{DFFF}a]", "a"),
            (r"[\x{D000}-\x{DFFF}\x{E000}]+", "\u{D000}\u{D7FF}\u{E000}"),
            (r"\pL{1000}|a", "a"),
            (r"(a{10}){100}|b", "b"),
            (r"(a{1000}){1}|b", "b"),
            (r"(a{0,}){1000}|((a{2}){0}){1000}", "aaa"),
            (r"\p{Any}", "\n"),
            (r"a\bb|a\b", "a"),
        ] {
            assert!(is_match(expression, text), "{expression} {text}");
        }
        assert!(!is_match(r"\d", "٣"), "digits are ASCII in Go");
        assert!(!is_match(r"\w", "ä"), "words are ASCII in Go");
        assert!(!is_match("a", "ab"), "anchored");
        assert!(!is_match("(?s-s).", "\n"), "the last word counts");
        for nothing in [r"\x{D800}", r"\p{Cs}", r"[\x{D800}-\x{DFFF}]", r"[\x{D912}]"] {
            assert!(!is_match(nothing, "\u{FFFD}"), "{nothing}: no text has half of a pair");
        }
    }

    #[test]
    fn the_height_of_an_expression_is_bounded() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(is_match(&nested(900), "a"));
        assert!(is_match(&nested(998), "a"), "with the anchors it is 1,000 high");
        assert_eq!(parse_regex(&nested(999)), Err(RegexError::TooDeep));
        let stars = |depth: usize| format!("{}a{}", "(?:".repeat(depth), "+b)".repeat(depth));
        assert!(parse_regex(&stars(300)).is_ok());
        assert_eq!(parse_regex(&stars(600)), Err(RegexError::TooDeep));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for expression in [
            "*",
            "a|*",
            "(+)",
            "a**",
            "a*+",
            "a{2}{3}",
            "a{1001}",
            "a{3,2}",
            "a{99999999999}",
            r"\",
            r"\1",
            r"\8",
            r"\C",
            r"\Z",
            r"\y",
            r"\é",
            "(",
            ")",
            "(a",
            "a)",
            "[",
            "[a",
            "[b-a]",
            r"[a-\d]",
            r"\Qopen",
            "(?x)a",
            "(?P<>a)",
            "(?P<a-b>a)",
            "(?P=a)",
            "(?=a)",
            "(?!a)",
            "(?i-)a",
            "(?i-s-m)a",
            "(a{100}){11}",
            "((a{10}){10}){11}",
            "(a{1000}){1000}",
            "(a{2,}){501}",
            r"\p{Script=Greek}",
            r"\p{sc=Latin}",
            r"\p{Alphabetic}",
            r"\p{greek}",
            r"\p{lu}",
            r"\p{}",
            r"\p",
            r"\x{110000}",
            r"\x{}",
            r"\x4",
            "[a-",
            "[b--]",
            r"\pX{",
            "[[:foo:]]",
            r"\u0041",
            "(?",
        ] {
            assert!(parse_regex(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn messages_are_one_line() {
        for expression in ["[b-a]", r"\p{Klingon}", r"\x{110000}"] {
            let message = parse_regex(expression).unwrap_err().to_string();
            assert!(!message.contains('\n'), "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(expression in r"[ab\\QEdpxP<>()\[\]{}*+?|^$.,:0-9i-]{0,16}|\PC{0,16}") {
            let _ = parse_regex(&expression);
        }

        #[test]
        fn a_quoted_text_matches_itself(text in r"[^\\]{0,16}") {
            let expression = format!(r"\Q{text}\E");
            prop_assert!(is_match(&expression, &text));
        }
    }
}
