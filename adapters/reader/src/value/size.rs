//! Numbers of bytes as Prometheus writes them: `10MB`, `512KiB`, `0`.

use headcount_core::planted;

/// Why a number of bytes can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not numbers with units.
    #[error("{text:?} is not a size; write for example 10MB or 512KiB (both count in 1024s)")]
    Form {
        /// What is written.
        text: String,
    },
    /// An unknown unit, or none.
    #[error("unknown unit {unit:?} in the size {text:?}; use B, KB, MB, GB, TB, PB, EB, or KiB, MiB, …")]
    Unit {
        /// The unit.
        unit: String,
        /// What is written.
        text: String,
    },
    /// More than a signed 64-bit number can count.
    #[error("the size {text:?} is too large")]
    TooLarge {
        /// What is written.
        text: String,
    },
}

/// Parses a number of bytes as Prometheus does. `KB` and `KiB` are both 1024 bytes; `0` needs no
/// unit; several may follow each other, as in `1GiB512MiB`.
///
/// # Errors
/// When the text is not such a number.
///
/// ```
/// assert_eq!(headcount_reader::parse_size("10MB"), Ok(10 << 20));
/// assert!(headcount_reader::parse_size("10").is_err());
/// ```
pub fn parse_size(text: &str) -> Result<i64, SizeError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    // One text uses one family of units.
    let bytes = sum(text, unsigned, "iB").or_else(|_| sum(text, unsigned, "B"))?;
    let signed = if text.starts_with('-') { -bytes } else { bytes };
    // 2^63 itself is let through by the comparison in floating point, and stays the largest number.
    if !(-(2f64.powi(63))..=2f64.powi(63)).contains(&signed) {
        return Err(SizeError::TooLarge { text: text.to_owned() });
    }
    Ok(signed as i64)
}

fn sum(text: &str, unsigned: &str, suffix: &str) -> Result<f64, SizeError> {
    let form = || SizeError::Form { text: text.to_owned() };
    if unsigned.is_empty() {
        return Err(form());
    }
    let mut total = 0f64;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let is_number = |c: char| c == '.' || c.is_ascii_digit();
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c)).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        if number.is_empty() || number == "." || number.matches('.').count() > 1 {
            return Err(form());
        }
        let whole = number.split('.').next().unwrap_or_default();
        if whole.len() > 19 || number.len() - whole.len() > 20 {
            return Err(form());
        }
        let number: f64 = number.parse().map_err(|_| form())?;
        let factor = factor(unit, suffix).ok_or_else(|| SizeError::Unit {
            unit: unit.to_owned(),
            text: text.to_owned(),
        })?;
        planted!(total += number * factor, SizeHasOneUnit, total = number * factor);
        rest = after;
    }
    Ok(total)
}

fn factor(unit: &str, suffix: &str) -> Option<f64> {
    if unit == "B" {
        return Some(1.0);
    }
    let power = match unit.strip_suffix(suffix)? {
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return None,
    };
    Some(planted!(1024f64, KilobyteIsAThousand, 1000f64).powi(power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_prometheus_takes() {
        for (text, bytes) in [
            ("0", 0),
            ("0B", 0),
            ("15MB", 15 << 20),
            ("1KiB", 1024),
            ("1KB", 1024),
            ("1.5GiB", 3 << 29),
            ("1GiB512MiB", 3 << 29),
            ("-5MB", -(5 << 20)),
            ("+1B", 1),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_prometheus_refuses() {
        for text in ["", "-", "MB", ".MB", "1.2.3MB"] {
            assert!(matches!(parse_size(text), Err(SizeError::Form { .. })), "{text}");
        }
        for text in ["100", "1kB", "1mb", "1GiB1MB", "1 MB"] {
            assert!(matches!(parse_size(text), Err(SizeError::Unit { .. })), "{text}");
        }
        assert!(matches!(parse_size("100EiB"), Err(SizeError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[-+]?[0-9.KMGTPEiB]{0,24}|\\PC{0,12}") {
            let _ = parse_size(&text);
        }

        #[test]
        fn whole_kibibytes_are_exact(count in 0..1i64 << 42) {
            prop_assert_eq!(parse_size(&format!("{count}KiB")), Ok(count << 10));
        }
    }
}
