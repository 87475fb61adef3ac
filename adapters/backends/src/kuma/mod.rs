//! `kuma_sd_configs`: the proxies of a Kuma mesh that are to be monitored, by MADS v1 (xDS as JSON over HTTP).
//!
//! The control plane is asked for everything (`POST /v3/discovery:monitoringassignments`), and told which version of it is
//! known: it answers when there is a newer one, or after `fetch_timeout` with status 304. The next request follows at once,
//! but not before `refresh_interval` has passed since the last began. So changes arrive when they happen, and who asks for a
//! refresh meanwhile waits for that answer. Labels and the one source, `kuma`, are Prometheus's, with `instance`,
//! `__scheme__` and `__metrics_path__` set; labels of an assignment win over those of its targets. **A version counts as
//! known once its answer was understood and believed**: Prometheus acknowledges first, and hears 304 for ever after an
//! answer that it could not read.
//!
//! * `refresh_interval` is 15 s unless the entry says otherwise, as in Prometheus's source; its documentation says 30 s.
//! * Without `client_id` it is this machine's name (as `HOSTNAME` or the kernel has it), and `prometheus` where that can't
//!   be had. Prometheus looks for a name with a domain in the DNS: write it down where Kuma's backends go by it.
//!
//! Otherwise than in Prometheus:
//! * Resources of another type are passed over, not refused with all others.
//! * A target without an address makes none, and is counted. That there is nothing any more counts when it is said twice.
//! * Names of fields are understood in both ways that proto3 has.
//! * The server is asked to wait ten minutes at most, however long `fetch_timeout` is, so that one that is gone is noticed.

mod assignment;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Batch;
use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::metrics::{Definition, Kind, QUANTILES};
use headcount_discoverer::refresh::{LONGEST_DEADLINE, SHORTEST_DEADLINE};
use headcount_discoverer::rest::{Ask, ReadError, Rest, Whole};
use headcount_reader::HttpClientSettings;
use serde_json::{Map, Value, json};

use assignment::{Assignment, Response, TYPE_URL};

pub use settings::KumaSd;

/// What the targets' group is known by.
const SOURCE: &str = "kuma";
/// What an answer may take besides the time that the server waits; Prometheus's.
const OVERHEAD: Duration = Duration::from_secs(15);
/// A machine's name is shorter than this.
const NAME_LIMIT: u64 = 1024;

const FAILURES: Definition = Definition {
    name: "prometheus_sd_kuma_fetch_failures_total",
    help: "The number of Kuma MADS fetch call failures.",
    kind: Kind::Counter,
};
const UNCHANGED: Definition = Definition {
    name: "prometheus_sd_kuma_fetch_skipped_updates_total",
    help: "The number of Kuma MADS fetch calls that result in no updates to the targets.",
    kind: Kind::Counter,
};
const DURATION: Definition = Definition {
    name: "prometheus_sd_kuma_fetch_duration_seconds",
    help: "The duration of a Kuma MADS fetch call.",
    kind: QUANTILES,
};
const SKIPPED: Definition = Definition {
    name: "headcount_sd_kuma_skipped_targets_total",
    help: "Targets that were found without an address, or are of another type, and so are no targets.",
    kind: Kind::Counter,
};

/// A running discoverer.
struct Kuma {
    settings: Arc<KumaSd>,
    known: Mutex<Version>,
}

/// What the server was told, or is to be told.
#[derive(Debug, Clone, Default)]
struct Version {
    version_info: String,
    nonce: String,
    /// Whether the last answer had no targets.
    is_empty: bool,
}

impl Rest for Kuma {
    type Part = Whole;
    type Found = Vec<Assignment>;
    const READING: &'static str = "asking Kuma";
    const FAILURES: Option<Definition> = Some(FAILURES);

    fn client(&self) -> &HttpClientSettings {
        &self.settings.client
    }

    fn deadline(&self, _interval: Duration) -> Duration {
        SHORTEST_DEADLINE.max(self.wait() + OVERHEAD)
    }

    async fn parts(&self, _ask: &Ask<'_>) -> Result<Vec<Whole>, ReadError> {
        Ok(vec![Whole])
    }

    async fn read(&self, _part: &Whole, ask: &Ask<'_>) -> Result<Option<Vec<Assignment>>, ReadError> {
        let (env, known) = (ask.env(), self.known());
        let wait = self.wait().as_millis();
        let url = self
            .settings
            .server
            .join(&format!("/v3/discovery:monitoringassignments?fetch-timeout={wait}ms"));
        let body = question(&client_id(env, &self.settings.client_id).await, &known).to_string();
        let request = HttpRequest::post(url.as_str(), "application/json", body)
            .header("Accept", "application/json")
            .limits(HttpLimits {
                body: env.limits.body,
                ..HttpLimits::default()
            });
        let started = env.clock.now();
        let answer = ask.send(request).await;
        let now = env.clock.now();
        env.metrics
            .observe(DURATION, &[], now, now.saturating_duration_since(started));
        let answer = answer?;
        // Who was told of no version can't say that it is the same.
        if answer.status == 304 && !known.version_info.is_empty() {
            env.metrics.add(UNCHANGED, &[], 1.0);
            return Ok(None);
        }
        let answer = ask.good(&url, answer)?;
        let wrong = |error: String| ReadError::answer(&url, error);
        let response: Response =
            crate::json::from_slice(&answer.body).map_err(|error| ReadError::answer(&url, error))?;
        if response.type_url.as_str() != TYPE_URL {
            return Err(wrong(format!(
                "the answer is of the type {:?}, not {TYPE_URL:?}",
                response.type_url.as_str()
            )));
        }
        let resources = response.resources.unwrap_or_default();
        let count = resources.len();
        let assignments = resources.into_iter().filter_map(|resource| resource.0);
        let assignments: Vec<Assignment> = assignments.filter(|assignment| !assignment.is_foreign()).collect();
        let (all, good) = assignments
            .iter()
            .map(Assignment::count)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let skipped = count.saturating_sub(assignments.len()) + all.saturating_sub(good);
        env.metrics.add(SKIPPED, &[], skipped as f64);
        let now = Version {
            version_info: response.version_info.0,
            nonce: response.nonce.0,
            is_empty: good == 0,
        };
        // An answer without targets is believed when it comes twice, and it comes again only if it is not acknowledged.
        let mut state = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match now.is_empty && !known.is_empty {
            true => state.is_empty = true,
            false => *state = now,
        }
        Ok(Some(assignments))
    }

    fn encode(&self, _part: &Whole, found: Vec<Assignment>, batch: &mut Batch<'_>) -> Result<(), ReadError> {
        batch.begin(SOURCE)?;
        found.iter().try_for_each(|assignment| assignment.encode(batch))?;
        Ok(batch.end()?)
    }

    fn is_source(&self, _part: &Whole, source: &str) -> bool {
        source == SOURCE
    }
}

impl Kuma {
    fn new(settings: Arc<KumaSd>) -> Self {
        Self {
            settings,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> Version {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long the server may wait with its answer.
    fn wait(&self) -> Duration {
        self.settings.fetch_timeout.min(LONGEST_DEADLINE - OVERHEAD)
    }
}

/// A `DiscoveryRequest`; fields without a value are left out, as proto3 does.
fn question(client_id: &str, known: &Version) -> Value {
    let mut fields = Map::new();
    fields.insert("node".to_owned(), json!({ "id": client_id }));
    fields.insert("type_url".to_owned(), TYPE_URL.into());
    for (name, value) in [("version_info", &known.version_info), ("response_nonce", &known.nonce)] {
        if !value.is_empty() {
            fields.insert(name.to_owned(), value.as_str().into());
        }
    }
    Value::Object(fields)
}

/// Who asks.
async fn client_id(env: &Env, given: &str) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    if let Some(name) = env.variables.get("HOSTNAME").filter(|name| !name.is_empty()) {
        return name;
    }
    let file = env.files.read("/proc/sys/kernel/hostname".as_ref(), NAME_LIMIT).await;
    let name = file.map(|file| String::from_utf8_lossy(&file.bytes).trim().to_owned());
    name.ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "prometheus".to_owned())
}

#[cfg(test)]
mod tests;
