//! What the machine itself lends.

use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest, HttpResponse};
use headcount_reader::HttpClientSettings;

use super::{LoginError, SMALL};

/// Where nobody answers there is no metadata service; that is known soon.
const LIMITS: HttpLimits = HttpLimits {
    connect: Some(Duration::from_secs(1)),
    head: Some(Duration::from_secs(10)),
    idle: Some(Duration::from_secs(10)),
    total: Some(Duration::from_secs(15)),
    body: SMALL,
};

/// Asks a service of this machine, without any proxy: what it lends is this machine's. `from` is what an error names.
pub(crate) async fn ask_machine(env: &Env, from: &str, request: HttpRequest) -> Result<HttpResponse, LoginError> {
    let settings = HttpClientSettings {
        follow_redirects: false,
        ..HttpClientSettings::default()
    };
    let client = env
        .http
        .client(&settings)
        .map_err(|error| LoginError::http(from, &error))?;
    let answer = client.send(request.limits(LIMITS)).await;
    answer.map_err(|error| LoginError::http(from, &error))
}
