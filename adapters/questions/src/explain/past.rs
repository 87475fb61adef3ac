//! What is known of a host that is nowhere: until when it was there, and what took it away.

use headcount_core::Address;
use serde::Serialize;

use super::wanted::{Wanted, What};
use crate::lookup::{Api, Event, Events};

/// Events that are looked through.
const MOST: &str = "1000";
/// Targets at the host that are told of.
const MOST_TOLD: usize = 5;
/// Events of which it may be one that are told of.
const MOST_UNLISTED: usize = 3;

/// What is known of what is gone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Past {
    /// What happened last to each target at the host.
    pub(super) last: Vec<Last>,
    /// What happened since to targets of which not all are listed: it may be one of them.
    pub(super) unlisted: Vec<Event>,
    /// Nothing before is known.
    pub(super) kept_since: f64,
    pub(super) kept_since_at: String,
}

/// What happened last to a target at the host.
#[derive(Debug, Serialize)]
pub(super) struct Last {
    pub(super) address: String,
    pub(super) event: Event,
}

impl Past {
    /// Asks for what is wanted, if it is a host and who is asked has a past.
    pub(super) async fn of(api: &Api, wanted: &Wanted) -> anyhow::Result<Option<Self>> {
        let Some(text) = host(wanted).filter(|_| api.remembers()) else {
            return Ok(None);
        };
        let mut parameters = vec![("host", text), ("limit", MOST)];
        parameters.extend(wanted.job.as_deref().map(|job| ("job", job)));
        let events = api.events(&parameters).await?;
        Ok(Some(Self::told(events, &Address::of(text))))
    }

    fn told(events: Events, host: &Address) -> Self {
        let mut last: Vec<Last> = Vec::new();
        // Alertmanagers are nobody's targets.
        let is_of_jobs = |event: &Event| event.manager == "scrape";
        for event in events.events.into_iter().filter(is_of_jobs) {
            let Some(address) = event.address_at(host).map(str::to_owned) else {
                continue;
            };
            let is_told = |other: &Last| other.address == address && other.event.jobs == event.jobs;
            if last.len() < MOST_TOLD && !last.iter().any(is_told) {
                last.push(Last { address, event });
            }
        }
        // What was before it was listed is no news of it.
        let newest = last.first().map(|last| last.event.time);
        let unlisted = events.unlisted.into_iter().filter(is_of_jobs);
        let unlisted = unlisted.filter(|event| newest.is_none_or(|newest| event.time > newest));
        Self {
            last,
            unlisted: unlisted.take(MOST_UNLISTED).collect(),
            kept_since: events.kept_since,
            kept_since_at: events.kept_since_at,
        }
    }
}

/// The host that is wanted, as it was written.
fn host(wanted: &Wanted) -> Option<&str> {
    match &wanted.what {
        What::Address(text, _) => Some(text),
        What::Labels(labels) => {
            let (_, value) = labels.iter().find(|(name, _)| name == "__address__")?;
            Some(value).filter(|value| !value.is_empty()).map(String::as_str)
        }
    }
}
