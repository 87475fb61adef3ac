//! What a single value means: yaml.v2's resolution, which is YAML 1.1's in most things.
//!
//! `yes`, `no`, `on`, `off`, `y` and `n` are switches; `0x10`, `0o17`, `017`, `0b1` and `1_000` are
//! numbers; a number or a switch where text belongs is taken as the text it is written as.

use base64::Engine;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use headcount_core::planted;

use super::node::{Scalar, Tag};

/// A scalar's meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text,
}

impl Scalar<'_> {
    /// Whether its meaning is [`Meaning::Null`]; asked of every key and value, so without looking for other meanings.
    pub(super) fn is_null(&self) -> bool {
        match self.tag {
            Tag::None if !self.is_plain => false,
            Tag::Text | Tag::Binary | Tag::Merge => false,
            Tag::None | Tag::Null | Tag::Bool | Tag::Int | Tag::Float => is_nothing(self.text),
        }
    }

    pub(super) fn what(&self) -> &'static str {
        match self.meaning() {
            Meaning::Null => "nothing",
            Meaning::Bool(_) => "true or false",
            Meaning::Int(_) | Meaning::Float(_) => "a number",
            Meaning::Text => "text",
        }
    }

    pub(super) fn meaning(&self) -> Meaning {
        match self.tag {
            Tag::None if !self.is_plain => Meaning::Text,
            Tag::Text | Tag::Binary | Tag::Merge => Meaning::Text,
            Tag::None | Tag::Null | Tag::Bool | Tag::Int => resolve(self.text),
            Tag::Float => match resolve(self.text) {
                Meaning::Int(number) => Meaning::Float(number as f64),
                other => other,
            },
        }
    }

    /// Whether an explicit tag and the value contradict each other, as in `!!int abc`.
    pub(super) fn contradicts_tag(&self) -> bool {
        match (self.tag, self.meaning()) {
            (Tag::Null, meaning) => meaning != Meaning::Null,
            (Tag::Bool, meaning) => !matches!(meaning, Meaning::Bool(_)),
            (Tag::Int, meaning) => !matches!(meaning, Meaning::Int(_)),
            (Tag::Float, meaning) => !matches!(meaning, Meaning::Float(_)),
            (Tag::Binary, _) => self.binary().is_none(),
            (Tag::None | Tag::Text | Tag::Merge, _) => false,
        }
    }

    /// The value as text: as written, `!!binary` decoded, nothing as the empty text.
    pub(super) fn as_text(&self) -> String {
        match self.tag {
            Tag::Binary => self.binary().unwrap_or_default(),
            _ if self.is_null() => String::new(),
            _ => self.text.to_owned(),
        }
    }

    /// What base64 text stands for, when that is UTF-8. Line breaks are no part of it.
    fn binary(&self) -> Option<String> {
        let digits: Vec<u8> = self
            .text
            .bytes()
            .filter(|byte| !matches!(byte, b'\r' | b'\n'))
            .collect();
        String::from_utf8(BINARY.decode(digits).ok()?).ok()
    }
}

/// Go's standard base64: padded, and it doesn't care for the bits that the last digit has too many.
const BINARY: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn resolve(text: &str) -> Meaning {
    match text {
        _ if is_nothing(text) => Meaning::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            planted!(
                Meaning::Bool(true),
                YesIsText,
                match text.eq_ignore_ascii_case("true") {
                    true => Meaning::Bool(true),
                    false => Meaning::Text,
                }
            )
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Meaning::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Meaning::Float(f64::NEG_INFINITY),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => number(text),
        _ => Meaning::Text,
    }
}

fn number(text: &str) -> Meaning {
    let plain = if text.starts_with('.') {
        text.to_owned()
    } else {
        text.replace('_', "")
    };
    if let Some(number) = integer(&plain) {
        return Meaning::Int(number);
    }
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let is_float = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match plain.parse() {
        Ok(float) if is_float => Meaning::Float(float),
        _ => Meaning::Text,
    }
}

/// An integer with Go's prefixes, if it fits 64 bits with or without a sign.
fn integer(text: &str) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some(_) if lower.starts_with('0') => (planted!(8, LeadingZeroIsDecimal, 10), lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    let number = if is_negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&number)
        .then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar<'_> {
        Scalar {
            text,
            is_plain: true,
            tag: Tag::None,
        }
    }

    #[test]
    fn means_what_go_makes_of_it() {
        for (text, meaning) in [
            ("", Meaning::Null),
            ("NULL", Meaning::Null),
            ("nUll", Meaning::Text),
            ("on", Meaning::Bool(true)),
            ("y", Meaning::Bool(true)),
            ("oN", Meaning::Text),
            ("8080", Meaning::Int(8080)),
            ("1_000", Meaning::Int(1000)),
            ("0x1F", Meaning::Int(31)),
            ("017", Meaning::Int(15)),
            ("0b11", Meaning::Int(3)),
            ("08", Meaning::Float(8.0)),
            ("-5", Meaning::Int(-5)),
            ("1e3", Meaning::Float(1000.0)),
            (".5", Meaning::Float(0.5)),
            ("5.", Meaning::Float(5.0)),
            (".", Meaning::Text),
            ("1s", Meaning::Text),
            ("10.0.0.1", Meaning::Text),
            ("-", Meaning::Text),
            ("+inf", Meaning::Text),
            ("18446744073709551615", Meaning::Int(u64::MAX.into())),
            ("18446744073709551616", Meaning::Float(18446744073709551616.0)),
        ] {
            assert_eq!(plain(text).meaning(), meaning, "{text}");
        }
    }

    #[test]
    fn quotes_and_tags_decide() {
        assert_eq!(
            Scalar {
                text: "5",
                is_plain: false,
                tag: Tag::None
            }
            .meaning(),
            Meaning::Text
        );
        assert_eq!(
            Scalar {
                text: "5",
                is_plain: false,
                tag: Tag::Int
            }
            .meaning(),
            Meaning::Int(5)
        );
        assert_eq!(
            Scalar {
                text: "5",
                is_plain: true,
                tag: Tag::Text
            }
            .meaning(),
            Meaning::Text
        );
        assert!(
            Scalar {
                text: "x",
                is_plain: true,
                tag: Tag::Int
            }
            .contradicts_tag()
        );
        fn binary(text: &str) -> Scalar<'_> {
            Scalar {
                text,
                is_plain: true,
                tag: Tag::Binary,
            }
        }
        assert_eq!(binary("aGk=").as_text(), "hi");
        assert!(binary("aGk").contradicts_tag());
        assert!(binary("a*k=").contradicts_tag());
    }
}
