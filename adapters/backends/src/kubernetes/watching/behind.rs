//! Whether a server is behind what is known of it: its data was put back from a copy.
//!
//! **A watch does not say so.** Asked for what comes after a version that it does not have yet, a server waits for that
//! version, and says nothing of what happens until then. So it is asked for a list of one object at most, which says the
//! newest version, before a watch goes on whose predecessor did not end as it should have.

use std::time::Duration;

use futures_lite::future::or;
use headcount_discoverer::Env;
use headcount_discoverer::env::HttpLimits;
use headcount_discoverer::refresh::RefreshError;

use super::asking::{Asking, Refused};
use super::list::ListReader;
use super::reflector::by_body_error;

/// How long the answer may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether all that the server has is of before this version. Not where it does not say: versions that are no numbers have
/// no order, and who does not take the question is not doubted.
pub(super) async fn is_behind(asking: &mut Asking, env: &Env, version: &str) -> Result<bool, Refused> {
    let late = async {
        env.clock.sleep(DEADLINE).await;
        let error = RefreshError::soon(format!("no whole list of one object within {DEADLINE:?}"));
        Err(Refused::Failed(error))
    };
    match or(newest(asking, env), late).await {
        Ok(newest) => Ok(is_earlier(&newest, version)),
        Err(Refused::Invalid(_)) => Ok(false),
        Err(refused) => Err(refused),
    }
}

/// The version of all that there is.
async fn newest(asking: &mut Asking, env: &Env) -> Result<String, Refused> {
    let limits = HttpLimits {
        body: env.limits.body,
        ..HttpLimits::stream(DEADLINE)
    };
    let mut answer = asking.ask(&[("limit", "1")], limits).await?;
    let mut reader = ListReader::default();
    while let Some(piece) = answer.next_piece().await.map_err(by_body_error)? {
        reader.add(piece, |_| None);
    }
    Ok(reader.end().map_err(RefreshError::soon)?.version)
}

/// Whether a version is before another, where both are numbers, of whatever size.
fn is_earlier(one: &str, other: &str) -> bool {
    let number = |version: &str| {
        let digits = version.trim_start_matches('0').to_owned();
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some((digits.len(), digits))
    };
    matches!((number(one), number(other)), (Some(one), Some(other)) if one < other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_have_an_order() {
        for (one, other, expected) in [
            ("9", "10", true),
            ("10", "9", false),
            ("10", "10", false),
            ("010", "10", false),
            ("0", "1", true),
            ("99999999999999999999999", "100000000000000000000000", true),
            ("", "10", false),
            ("9", "", false),
            ("9", "1a", false),
            ("-9", "10", false),
        ] {
            assert_eq!(is_earlier(one, other), expected, "{one} {other}");
        }
    }
}
