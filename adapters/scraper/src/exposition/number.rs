//! Numbers as Go reads them, without hexadecimal ones and underscores, which Prometheus refuses.

use headcount_core::planted;

use super::ExpositionProblem;

/// Reads a floating-point number.
pub(super) fn float(text: &[u8]) -> Result<f64, ExpositionProblem> {
    if text.iter().any(|byte| matches!(byte, b'p' | b'P' | b'_')) {
        return Err(ExpositionProblem::NumberCharacter);
    }
    let problem = |reason| ExpositionProblem::Number {
        function: "ParseFloat",
        text: String::from_utf8_lossy(text).into_owned(),
        reason,
    };
    let is_signed = text.first().is_some_and(|byte| matches!(byte, b'+' | b'-'));
    let unsigned = text.get(usize::from(is_signed)..).unwrap_or_default();
    let is_digits = unsigned
        .first()
        .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_word = |word: &[u8]| unsigned.eq_ignore_ascii_case(word);
    let is_infinite = is_word(b"inf") || is_word(b"infinity");
    if !(is_digits || is_infinite || (is_word(b"nan") && planted!(!is_signed, MinusNanIsANumber, true))) {
        return Err(problem("invalid syntax"));
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    match number {
        None => Err(problem("invalid syntax")),
        Some(number) if number.is_infinite() && is_digits => Err(problem("value out of range")),
        Some(number) => Ok(number),
    }
}

/// Reads a whole number of at most 64 bits, of which it is known that it has only digits.
pub(super) fn integer(text: &[u8]) -> Result<i64, ExpositionProblem> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| ExpositionProblem::Number {
        function: "ParseInt",
        text: String::from_utf8_lossy(text).into_owned(),
        reason: "value out of range",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_go() {
        for good in [
            "0",
            "-0",
            "+1",
            "1.",
            ".5",
            "1e5",
            "1E-5",
            "1e+5",
            "1e-999",
            "Inf",
            "+inf",
            "-INF",
            "infinity",
            "NaN",
            "nan",
            "00012",
            "1.7976931348623157e308",
        ] {
            assert!(float(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            "", "+", ".", "e5", "1e", "1e+", "0x1", "1_000", "0x1p3", "+NaN", "-nan", "in", "infin", "1e999", "-1e400",
            "1,5", "1 ", "--1", "one", "١",
        ] {
            assert!(float(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
