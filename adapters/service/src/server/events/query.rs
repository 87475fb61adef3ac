//! What is asked of `/api/v1/events`.

use std::time::Duration;

use headcount_core::{Address, parse_duration, planted};

const LIMIT: usize = 100;
const MOST: usize = 1_000;

/// A query, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) job: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) host: Option<Address>,
    /// Since 1970-01-01 UTC.
    pub(super) since: Option<Duration>,
    pub(super) limit: usize,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("there is no parameter {0:?}; there are job, provider, host, since and limit")]
    Unknown(String),
    #[error("{0} is given twice; give it once")]
    Twice(&'static str),
    #[error(
        "since={0:?} is no time; write 2026-01-31T23:59:59Z, a Unix timestamp, or how long ago it was, for example 1h"
    )]
    Since(String),
    #[error("limit={0:?} is no number from 1 to {MOST}")]
    Limit(String),
    #[error("host={0:?} is no address; write a host, with or without a port")]
    Host(String),
}

impl Query {
    /// Reads a query; empty parameters are as if they were not there. `now` is since 1970-01-01 UTC.
    pub(super) fn parse(query: &str, now: Duration) -> Result<Self, QueryError> {
        let (mut job, mut provider, mut host, mut since, mut limit) = (None, None, None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let (name, place) = match &*name {
                "job" => ("job", &mut job),
                "provider" => ("provider", &mut provider),
                "host" => ("host", &mut host),
                "since" => ("since", &mut since),
                "limit" => ("limit", &mut limit),
                _ => planted!(
                    return Err(QueryError::Unknown(name.into_owned())),
                    UnknownParameterIsTaken,
                    continue
                ),
            };
            if !value.is_empty() && place.replace(value.into_owned()).is_some() {
                return Err(QueryError::Twice(name));
            }
        }
        let host = host.map(|text| match Address::of(&text) {
            Address { host, .. } if host.is_empty() => Err(QueryError::Host(text)),
            address => Ok(address),
        });
        let since = since.map(|text| read_since(&text, now).ok_or(QueryError::Since(text)));
        let limit = limit.map(|text| {
            let number = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
            number.ok_or(QueryError::Limit(text))
        });
        Ok(Self {
            job,
            provider,
            host: host.transpose()?,
            since: since.transpose()?,
            limit: limit.transpose()?.unwrap_or(LIMIT),
        })
    }
}

fn read_since(text: &str, now: Duration) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    match parse_duration(text) {
        Ok(ago) => Some(now.saturating_sub(ago)),
        Err(_) => read_rfc3339(text),
    }
}

/// `2026-01-31T23:59:59.5Z`, or with `+01:00` in place of the `Z`.
fn read_rfc3339(text: &str) -> Option<Duration> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let days = days(numbers(date, '-', ["0000", "00", "00"])?)?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, format!("0.{fraction}")),
        None => (time, "0".to_owned()),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fraction = fraction
        .parse()
        .ok()
        .filter(|_| is_digits(&fraction) && !fraction.ends_with('.'));
    let fraction = Duration::try_from_secs_f64(fraction?).ok()?;
    let [hour, minute, second] = numbers(time, ':', ["00", "00", "00"])?;
    // A leap second is the one after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let east = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, offset) = zone.split_at_checked(1)?;
            let [hours, minutes] = numbers(offset, ':', ["00", "00"])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3_600 + minutes * 60)
                * planted!(
                    if sign == "+" { 1 } else { -1 },
                    ZoneIsTurned,
                    if sign == "+" { -1 } else { 1 }
                )
        }
    };
    let unix = u64::try_from(seconds - east).ok()?;
    Some(Duration::from_secs(unix) + fraction)
}

/// As many numbers as there are shapes, each with as many digits.
fn numbers<const N: usize>(text: &str, separator: char, shapes: [&str; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, shape) in numbers.iter_mut().zip(shapes) {
        let part = parts.next()?;
        let is_number = part.len() == shape.len() && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 in the Gregorian calendar, if there is such a day. Years are counted from March, so that the
/// day that leap years add is the last one.
fn days([year, month, day]: [i64; 3]) -> Option<i64> {
    let is_leap = year % 4 == 0 && planted!(year % 100 != 0 || year % 400 == 0, EachFourthYearLeaps, true);
    let last = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let (year, from_march) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wall_clock::WallClock;
    use headcount_core::Instant;
    use proptest::prelude::*;

    const NOW: Duration = Duration::from_secs(2_000_000_000);

    fn parse(query: &str) -> Result<Query, String> {
        Query::parse(query, NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (query, message) in [
            (
                "jobs=a",
                "there is no parameter \"jobs\"; there are job, provider, host, since and limit",
            ),
            ("job=a&job=b", "job is given twice; give it once"),
            ("limit=0", "limit=\"0\" is no number from 1 to 1000"),
            ("limit=1001", "limit=\"1001\" is no number from 1 to 1000"),
            ("limit=x", "limit=\"x\" is no number from 1 to 1000"),
            (
                "host=%20",
                "host=\" \" is no address; write a host, with or without a port",
            ),
            (
                "since=yesterday",
                "since=\"yesterday\" is no time; write 2026-01-31T23:59:59Z, a Unix timestamp, or how long ago it was, \
                 for example 1h",
            ),
        ] {
            assert_eq!(parse(query), Err(message.to_owned()), "{query}");
        }
        let query = parse("job=a%20b&provider=file%2F0&host=DB7.:9100&since=&limit=5").expect("fine");
        assert_eq!(
            (query.job.as_deref(), query.provider.as_deref()),
            (Some("a b"), Some("file/0"))
        );
        assert_eq!(
            (query.host, query.since, query.limit),
            (Some(Address::of("db7:9100")), None, 5)
        );
        assert_eq!(parse("").expect("fine").limit, 100);
    }

    #[test]
    fn times_are_read_in_every_way() {
        let since = |text: &str| read_since(text, NOW).map(|since| since.as_secs_f64());
        assert_eq!(since("1h"), Some(1_999_996_400.0));
        assert_eq!(since("1000.5"), Some(1_000.5));
        assert_eq!(since("2026-11-28T21:40:01Z"), Some(1_795_902_001.0));
        assert_eq!(since("2026-11-28 22:40:01.25+01:00"), Some(1_795_902_001.25));
        assert_eq!(since("2026-11-28T20:10:01-01:30"), Some(1_795_902_001.0));
        assert_eq!(since("1970-01-01T00:00:00Z"), Some(0.0));
        for wrong in [
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1.2Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01",
            "1969-12-31T23:59:59Z",
            "-5",
            "nan",
            "inf",
            "+0026-01-01T00:00:00Z",
        ] {
            assert_eq!(since(wrong), None, "{wrong}");
        }
    }

    proptest! {
        /// What headcount writes is what it reads.
        #[test]
        fn times_that_are_written_are_read(seconds in 0..10_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
            let unix = Duration::new(seconds, nanos);
            let clock = WallClock::at(Instant::ZERO, unix);
            let read = read_rfc3339(&clock.utc(Instant::ZERO)).expect("a time");
            prop_assert!(read.abs_diff(unix) < Duration::from_nanos(2), "{read:?} {unix:?}");
        }

        #[test]
        fn any_query_is_answered(query in "\\PC{0,40}|(job|host|limit|since)=[0-9TZ:.+-]{0,24}") {
            let _ = Query::parse(&query, NOW);
        }
    }
}
