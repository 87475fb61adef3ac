//! The drops that the guard of a running daemon holds, and an operator's word that they are true.
//!
//! The one rule: **nothing is confirmed that was not named**: by its provider, or by saying that all are meant. Where only
//! one drop is held, that one is.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use anyhow::bail;
use headcount_core::format_duration;
use serde::Serialize;

use crate::lookup::{Api, Confirmed, Hold, ago, unix_now};
use crate::table::table;

/// Addresses that a line names.
const MOST_ADDRESSES: usize = 3;

/// What is held.
#[derive(Debug, Serialize)]
pub struct Holds {
    holds: Vec<Hold>,
}

/// Which drops are true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one that is held.
    Only,
    /// That of this provider.
    Provider(String),
    /// All that are held.
    All,
}

/// What was let go.
#[derive(Debug, Serialize)]
pub struct Confirmations {
    confirmed: Vec<Confirmed>,
}

/// Asks for what is held.
///
/// # Errors
/// When who is asked does not answer.
pub async fn holds(api: &Api) -> anyhow::Result<Holds> {
    let holds = api.holds().await?;
    Ok(Holds { holds })
}

/// Says that drops are true, so that their targets go now.
///
/// # Errors
/// When it is not clear which is meant, there is no such provider, or who is asked does not answer.
pub async fn confirm(api: &Api, which: &Which) -> anyhow::Result<Confirmations> {
    let providers = match which {
        Which::Provider(name) => vec![name.clone()],
        Which::Only | Which::All => {
            let held = api.holds().await?;
            let names: Vec<_> = held.into_iter().map(|hold| hold.provider).collect();
            if *which == Which::Only && names.len() > 1 {
                bail!("several drops are held: {}; name one, or say --all", names.join(", "));
            }
            names
        }
    };
    let mut confirmed = Vec::with_capacity(providers.len());
    for provider in providers {
        confirmed.push(api.confirm(&provider).await?);
    }
    Ok(Confirmations { confirmed })
}

impl Holds {
    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    /// The answer for people.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_at(unix_now())
    }

    fn text_at(&self, now: f64) -> String {
        if self.holds.is_empty() {
            return "no drop is held\n".to_owned();
        }
        let rows: Vec<_> = self.holds.iter().map(|hold| row(hold, now)).collect();
        table(["PROVIDER", "JOB", "LOST", "SINCE", "COUNTS", "TARGETS"], &rows)
    }
}

fn row(hold: &Hold, now: f64) -> [Cow<'_, str>; 6] {
    let more = match (hold.before, hold.came) {
        (0, 0) => String::new(),
        (before, 0) => format!(" (and {before} before)"),
        (0, came) => format!(" (while {came} came)"),
        (before, came) => format!(" (and {before} before, while {came} came)"),
    };
    let left = Duration::try_from_secs_f64(hold.left).unwrap_or_default().as_secs();
    let counts = match left {
        0 => "when it works again".to_owned(),
        seconds => format!("in {}", format_duration(Duration::from_secs(seconds))),
    };
    let mut addresses: Vec<_> = hold.addresses.iter().take(MOST_ADDRESSES).map(String::as_str).collect();
    if hold.targets > addresses.len() {
        addresses.push("…");
    }
    [
        Cow::Borrowed(&hold.provider),
        Cow::Borrowed(&hold.set),
        Cow::Owned(format!("{} of {}{more}", hold.targets, hold.of)),
        Cow::Owned(ago(hold.since, now)),
        Cow::Owned(counts),
        Cow::Owned(addresses.join(", ")),
    ]
}

impl Confirmations {
    /// The answer for people. Writing into memory does not fail.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Confirmed { provider, released } in &self.confirmed {
            match released {
                0 => writeln!(text, "{provider}: no drop is held"),
                1 => writeln!(text, "{provider}: 1 target is gone now"),
                _ => writeln!(text, "{provider}: {released} targets are gone now"),
            }
            .ok();
        }
        if text.is_empty() {
            text.push_str("no drop is held\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_lines() {
        let hold = |provider: &str, targets, left: f64| Hold {
            manager: "scrape".to_owned(),
            provider: provider.to_owned(),
            description: String::new(),
            subscribers: vec!["node".to_owned()],
            since: 100.0,
            until: 700.0,
            left,
            targets,
            before: targets / 4,
            came: targets / 9,
            of: 20,
            set: "node".to_owned(),
            addresses: ["a:1", "b:1", "c:1", "d:1"].map(str::to_owned).to_vec(),
        };
        let holds = Holds {
            holds: vec![hold("file/0", 3, 590.9), hold("http/12", 9, 0.0)],
        };
        let expected = "\
PROVIDER  JOB   LOST                   SINCE    COUNTS               TARGETS
file/0    node  3 of 20                10s ago  in 9m50s             a:1, b:1, c:1
http/12   node  9 of 20 (and 2 before, while 1 came)  10s ago  when it works again  a:1, b:1, c:1, …
";
        let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(tidy(&holds.text_at(110.0)), tidy(expected));
        assert_eq!(Holds { holds: Vec::new() }.text(), "no drop is held\n");
    }

    #[test]
    fn what_was_let_go_is_said() {
        let confirmed = |provider: &str, released| Confirmed {
            provider: provider.to_owned(),
            released,
        };
        let all = Confirmations {
            confirmed: vec![confirmed("file/0", 3), confirmed("file/1", 1), confirmed("file/2", 0)],
        };
        let expected = "file/0: 3 targets are gone now\nfile/1: 1 target is gone now\nfile/2: no drop is held\n";
        assert_eq!(all.text(), expected);
    }
}
