//! Times as Kubernetes writes them.

use std::time::Duration;

/// The time that a text as `2026-11-29T05:20:00Z` says (RFC 3339), since 1970. `None` if it says none.
pub(super) fn seconds_since_1970(text: &str) -> Option<Duration> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let is_at = |at: usize, marks: &str| {
        text.get(at..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| marks.contains(c))
    };
    if !(is_at(4, "-") && is_at(7, "-") && is_at(10, "Tt ") && is_at(13, ":") && is_at(16, ":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    let offset = match rest {
        "Z" | "z" => 0,
        _ => {
            let sign = match rest.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = rest.get(1..)?.split_once(':')?;
            let part = |digits: &str| -> Option<i64> { digits.parse::<u8>().ok().map(i64::from) };
            sign * (part(hours)? * 3600 + part(minutes)? * 60)
        }
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 24 || minute > 60 || second > 60 {
        return None;
    }
    // Days from 0000-03-01, with leap days at the ends of years.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_understood_with_fractions_and_zones() {
        let seconds = |text: &str| seconds_since_1970(text).map(|time| time.as_secs());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(seconds("2026-11-29T05:20:00.123Z"), Some(1_795_929_600));
        assert_eq!(seconds("2026-11-29T06:20:00+01:00"), Some(1_795_929_600));
        for wrong in [
            "",
            "2026-11-29",
            "2026-13-29T05:20:00Z",
            "2026-11-29T05:20:00",
            "1969-01-01T00:00:00Z",
            "ä",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
