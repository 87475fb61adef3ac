//! Has a provider of a running daemon ask its backend now.

use std::time::Duration;

use headcount_core::one_line;
use serde::Serialize;

use crate::lookup::{Api, Became, Refreshed};

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report {
    refreshed: Refreshed,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The backend was asked and all is well, or there is nothing to ask.
    Well,
    /// The backend was asked and not all is well.
    Failing,
    /// There was no answer in time.
    Late,
}

/// Has a provider ask its backend, and waits until it has or the time is over. Names are of one manager; without one,
/// jobs come first.
///
/// # Errors
/// When there is no such provider, or who is asked does not answer.
pub async fn refresh(api: &Api, provider: &str, manager: Option<&str>, wait: Duration) -> anyhow::Result<Report> {
    let refreshed = api.refresh(provider, manager, wait).await?;
    Ok(Report { refreshed })
}

impl Report {
    /// How it went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Refreshed {
            refresh,
            state,
            missing,
            ..
        } = &self.refreshed;
        match refresh {
            Became::NothingToAsk => Verdict::Well,
            Became::Asked => Verdict::Late,
            Became::Answered if state == "ok" && missing.is_none() => Verdict::Well,
            Became::Answered => Verdict::Failing,
        }
    }

    /// The answer for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Refreshed {
            provider,
            description,
            refresh,
            targets,
            last_error,
            missing,
            message,
            ..
        } = &self.refreshed;
        let said = message.as_deref().unwrap_or("it was asked");
        let noun = if *targets == 1 { "target" } else { "targets" };
        let what = match (refresh, last_error, missing) {
            (Became::Asked, ..) => said.to_owned(),
            (Became::NothingToAsk, ..) => format!("there is nothing to ask: {said}"),
            (Became::Answered, Some(error), _) => format!("fails: {error}"),
            (Became::Answered, None, Some(missing)) => format!("{targets} {noun}; could not get {missing}"),
            (Became::Answered, None, None) => format!("{targets} {noun}"),
        };
        let line = format!("{provider} ({description}): {what}");
        one_line(&line).into_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(refresh: Became, error: Option<&str>, missing: Option<&str>, message: Option<&str>) -> Report {
        Report {
            refreshed: Refreshed {
                provider: "http/1".to_owned(),
                manager: "scrape".to_owned(),
                description: "http://cmdb/hosts".to_owned(),
                refresh,
                state: if error.is_some() { "failing" } else { "ok" }.to_owned(),
                targets: 1,
                last_error: error.map(str::to_owned),
                missing: missing.map(str::to_owned),
                message: message.map(str::to_owned),
            },
        }
    }

    #[test]
    fn what_came_of_it_is_a_line() {
        for (report, verdict, expected) in [
            (report(Became::Answered, None, None, None), Verdict::Well, "1 target"),
            (
                report(Became::Answered, Some("no answer"), None, None),
                Verdict::Failing,
                "fails: no answer",
            ),
            (
                report(Became::Answered, None, Some("zone b"), None),
                Verdict::Failing,
                "1 target; could not get zone b",
            ),
            (
                report(Became::Asked, None, None, Some("it has not answered yet")),
                Verdict::Late,
                "it has not answered yet",
            ),
            (
                report(Became::NothingToAsk, None, None, Some("it has said all")),
                Verdict::Well,
                "there is nothing to ask: it has said all",
            ),
        ] {
            assert_eq!(report.verdict(), verdict);
            assert_eq!(report.text(), format!("http/1 (http://cmdb/hosts): {expected}\n"));
        }
    }
}
