//! `POST /api/v1/providers/<name>/refresh`: the wish that a provider asks its backend now, from an operator or from the
//! webhook of whoever keeps the inventory.
//!
//! **It is answered at once, with 202**; with `wait=10s` in the query when the provider has answered, or after that time.
//! However often it comes, one refresh is under way and one to come, and the backend has pauses
//! ([`headcount_discoverer::on_demand`]).

use std::borrow::Cow;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::parse_duration;
use headcount_runtime::RefreshRequest;
use http::{Response, StatusCode};
use serde::Serialize;
use smol::Timer;

use super::named::{Named, managers, unknown};
use crate::app::App;
use crate::discovery::Provider;
use crate::server::respond::{self, Body};

/// The longest that an answer can be waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refresh<'a> {
    provider: &'a str,
    manager: &'static str,
    description: &'a str,
    refresh: Became,
    /// How it fares: `starting`, `ok` or `failing`; with `answered`, that is what came of it.
    state: &'static str,
    targets: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    /// What the last read could not get, if it got the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Became {
    /// It was asked, and nobody waited for more, or for long enough.
    Asked,
    /// It has asked its backend since.
    Answered,
    /// It has none to ask, or it has said all that there is.
    NothingToAsk,
}

/// Has the provider whose name is `escaped` ask its backend.
pub(in crate::server) async fn refresh(app: &App, escaped: &str, query: &str) -> Response<Body> {
    let (wait, manager) = match parameters(query) {
        Ok(parameters) => parameters,
        Err(message) => return respond::bad_data(message),
    };
    let found = match managers(app, manager.as_deref()) {
        Ok(managers) => Named::find(&managers, escaped).await,
        Err(message) => return respond::bad_data(message),
    };
    let Named { managed, provider } = match found {
        Ok(named) => named,
        Err(answer) => return answer,
    };
    let pending = match managed.refresh(provider.id).await {
        Ok(Ok(RefreshRequest::Asked(pending))) => pending,
        Ok(Ok(RefreshRequest::NothingToAsk)) => {
            let message =
                "it has said all that it has to say; what is written in the configuration is read by a reload";
            return answer(managed.name(), &provider, Became::NothingToAsk, Some(message));
        }
        Ok(Ok(RefreshRequest::Paused(_))) => {
            let message = "it found more than is taken of one provider, and is asked again after a pause";
            return answer(managed.name(), &provider, Became::Asked, Some(message));
        }
        Ok(Err(_)) => return unknown(&provider.name),
        Err(_) => return respond::gone(),
    };
    if wait.is_zero() {
        return answer(managed.name(), &provider, Became::Asked, None);
    }
    let answered = async {
        pending.answered().await;
        true
    };
    let too_late = async {
        Timer::after(wait).await;
        false
    };
    let is_answered = answered.or(too_late).await;
    let now = match managed.observe_some(vec![provider.id]).await {
        Ok(mut found) => found.pop(),
        Err(_) => return respond::gone(),
    };
    // A reload may have taken it meanwhile.
    let Some(now) = now else {
        return unknown(&provider.name);
    };
    if is_answered {
        return answer(managed.name(), &now, Became::Answered, None);
    }
    let message = if pending.is_heeded() {
        "it has not answered yet; when it does, /api/v1/providers shows it"
    } else {
        "it has not answered yet, and never looked whether it is asked: it may be in its first read, or is a mechanism \
         that can't be asked"
    };
    answer(managed.name(), &now, Became::Asked, Some(message))
}

fn answer(manager: &'static str, provider: &Provider, became: Became, message: Option<&'static str>) -> Response<Body> {
    let reports = &provider.health.reports;
    let said = Refresh {
        provider: &provider.name,
        manager,
        description: &provider.description,
        refresh: became,
        state: provider.state(),
        targets: provider.targets,
        last_error: reports.failure().map(|failed| &*failed.message),
        missing: reports.missing().map(ToString::to_string),
        message,
    };
    let mut response = respond::success(&said);
    if became == Became::Asked {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    response
}

/// How long to wait, and whose provider is meant.
fn parameters(query: &str) -> Result<(Duration, Option<Cow<'_, str>>), String> {
    let (mut wait, mut manager) = (Duration::ZERO, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "wait" => {
                let parsed = parse_duration(&value).map_err(|error| format!("wait: {error}"))?;
                wait = parsed.min(LONGEST_WAIT);
            }
            "manager" => manager = Some(value),
            _ => {}
        }
    }
    Ok((wait, manager))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_how_long_to_wait_and_whose_provider_is_meant() {
        let seconds = Duration::from_secs;
        assert_eq!(parameters(""), Ok((Duration::ZERO, None)));
        assert_eq!(
            parameters("wait=10s&manager=notify&source=cmdb"),
            Ok((seconds(10), Some("notify".into())))
        );
        assert_eq!(parameters("wait=1d"), Ok((LONGEST_WAIT, None)));
        assert!(parameters("wait=soon").expect_err("no duration").starts_with("wait: "));
    }
}
