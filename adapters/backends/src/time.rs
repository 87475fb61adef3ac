//! Times as Kubernetes, AWS, OpenStack and others write them.

use std::time::Duration;

/// The time that a text as `2026-11-29T05:20:00Z` says (RFC 3339), since 1970. `None` if it says none.
pub(crate) fn seconds_since_1970(text: &str) -> Option<Duration> {
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

/// A time as signatures of AWS have it: `20261129T052000Z`.
#[cfg(any(feature = "aws", feature = "outscale"))]
pub(crate) fn basic_format(unix_time: Duration) -> String {
    let seconds = unix_time.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days from 0000-03-01, of which 400 years have 146,097.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let (month, later) = if march_month < 10 {
        (march_month + 3, 0)
    } else {
        (march_month - 9, 1)
    };
    let year = year_of_era + era * 400 + later;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// A time of RFC 3339 as Go writes it: without a fraction, and with `Z` for Greenwich.
#[cfg(feature = "aws")]
pub(crate) fn without_fraction(text: &str) -> Option<String> {
    seconds_since_1970(text)?;
    let (whole, rest) = text.split_at_checked(19)?;
    let zone = rest.strip_prefix('.').unwrap_or(rest);
    let zone = zone.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let zone = if matches!(zone, "z" | "+00:00" | "-00:00") {
        "Z"
    } else {
        zone
    };
    Some(format!("{}T{}{zone}", whole.get(..10)?, whole.get(11..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "aws", feature = "outscale"))]
    #[test]
    fn a_time_is_written_as_it_is_read() {
        let written = |seconds| basic_format(Duration::from_secs(seconds));
        assert_eq!(written(0), "19700101T000000Z");
        assert_eq!(written(951_825_600), "20000229T120000Z");
        assert_eq!(written(1_440_938_160), "20150830T123600Z");
        assert_eq!(written(1_795_929_600), "20261129T052000Z");
        for day in 0..60_000 {
            let text = written(day * 86_400 + 86_399);
            let dashed = format!("{}-{}-{}T23:59:59Z", &text[..4], &text[4..6], &text[6..8]);
            let read = seconds_since_1970(&dashed).map(|time| time.as_secs());
            assert_eq!(read, Some(day * 86_400 + 86_399), "{text}");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_time_of_aws_is_one_of_go() {
        let without = |text: &str| without_fraction(text).unwrap_or_default();
        assert_eq!(without("2026-11-29T05:20:00.123Z"), "2026-11-29T05:20:00Z");
        assert_eq!(without("2026-11-29T05:20:00Z"), "2026-11-29T05:20:00Z");
        assert_eq!(without("2026-11-29 05:20:00+00:00"), "2026-11-29T05:20:00Z");
        assert_eq!(without("2026-11-29T05:20:00.5+01:00"), "2026-11-29T05:20:00+01:00");
        assert_eq!(without("yesterday"), "");
    }

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
