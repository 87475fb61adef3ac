//! What the identity service answers: a token, until when it is good, and where the services are.

use std::time::Duration;

use headcount_discoverer::env::{HttpResponse, Token};
use serde::Deserialize;

use super::settings::Availability;
use crate::answers::{List, Object, Text};
use crate::time::seconds_since_1970;

/// Where the services are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Catalog(Vec<Endpoint>);

/// Where one service is, for some.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    kind: String,
    /// Its name and its id, which mostly are the same.
    regions: [String; 2],
    availability: String,
    /// Without a slash at its end.
    url: String,
}

/// Why an answer is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("this is no token: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the answer has no token")]
    NoToken,
}

impl Catalog {
    /// The first place of a service of this kind, as in OpenStack's own clients.
    pub(super) fn find(&self, kind: &str, region: &str, availability: Availability) -> Option<&str> {
        let mut found = self.0.iter().filter(|endpoint| {
            endpoint.kind == kind
                && endpoint.availability == availability.word()
                && endpoint.regions.iter().any(|known| known == region)
                && !endpoint.url.is_empty()
        });
        found.next().map(|endpoint| endpoint.url.as_str())
    }

    /// The regions that have a service of this kind, for a message.
    pub(super) fn regions(&self, kind: &str) -> Vec<&str> {
        let endpoints = self.0.iter().filter(|endpoint| endpoint.kind == kind);
        let regions = endpoints.flat_map(|endpoint| &endpoint.regions).map(String::as_str);
        let mut regions: Vec<&str> = regions.filter(|region| !region.is_empty()).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    token: Object<Granted>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Granted {
    expires_at: Text,
    catalog: List<Object<Service>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Service {
    r#type: Text,
    endpoints: List<Object<Place>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    region: Text,
    region_id: Text,
    interface: Text,
    url: Text,
}

/// Of version 3: the token itself is in a header.
pub(super) fn decode(answer: &HttpResponse, now: Duration) -> Result<(Token, Catalog), TokenError> {
    let text = answer.header("x-subject-token").filter(|text| !text.is_empty());
    let text = text.ok_or(TokenError::NoToken)?;
    let decoded: Answer = crate::json::from_slice(&answer.body)?;
    let granted = decoded.token.0.ok_or(TokenError::NoToken)?;
    let mut endpoints = Vec::new();
    for service in granted.catalog.0.into_iter().filter_map(|service| service.0) {
        for place in service.endpoints.0.into_iter().filter_map(|place| place.0) {
            endpoints.push(Endpoint {
                kind: service.r#type.0.clone(),
                regions: [place.region.0, place.region_id.0],
                availability: place.interface.0,
                url: place.url.0.trim_end_matches('/').to_owned(),
            });
        }
    }
    Ok((token(text, granted.expires_at.as_str(), now), Catalog(endpoints)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldAnswer {
    access: Object<Access>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Access {
    token: Object<OldToken>,
    #[serde(rename = "serviceCatalog")]
    catalog: List<Object<OldService>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldToken {
    id: Text,
    expires: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldService {
    r#type: Text,
    endpoints: List<Object<OldPlace>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OldPlace {
    region: Text,
    #[serde(rename = "publicURL")]
    public: Text,
    #[serde(rename = "internalURL")]
    internal: Text,
    #[serde(rename = "adminURL")]
    admin: Text,
}

/// Of version 2, which OpenStack has no more, but some old clouds have.
pub(super) fn decode_old(answer: &HttpResponse, now: Duration) -> Result<(Token, Catalog), TokenError> {
    let decoded: OldAnswer = crate::json::from_slice(&answer.body)?;
    let access = decoded.access.0.ok_or(TokenError::NoToken)?;
    let granted = access.token.0.filter(|token| !token.id.as_str().is_empty());
    let granted = granted.ok_or(TokenError::NoToken)?;
    let mut endpoints = Vec::new();
    for service in access.catalog.0.into_iter().filter_map(|service| service.0) {
        for place in service.endpoints.0.into_iter().filter_map(|place| place.0) {
            for (availability, url) in [
                (Availability::Public, &place.public),
                (Availability::Internal, &place.internal),
                (Availability::Admin, &place.admin),
            ] {
                endpoints.push(Endpoint {
                    kind: service.r#type.0.clone(),
                    regions: [place.region.0.clone(), String::new()],
                    availability: availability.word().to_owned(),
                    url: url.as_str().trim_end_matches('/').to_owned(),
                });
            }
        }
    }
    Ok((
        token(granted.id.as_str(), granted.expires.as_str(), now),
        Catalog(endpoints),
    ))
}

fn token(text: &str, expires: &str, now: Duration) -> Token {
    let lifetime = seconds_since_1970(expires).map(|end| end.saturating_sub(now));
    Token::new(text, lifetime)
}
