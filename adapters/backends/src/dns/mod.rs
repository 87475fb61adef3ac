//! `dns_sd_configs`: the hosts and services that the DNS knows.
//!
//! Each name is a source. Its records become targets with Prometheus's labels: the address of a host, or the name
//! of one with its dot at the end cut off, and a port that a service has itself and that the entry gives to others.
//!
//! The one rule: **a name loses its targets only when the DNS says so.** That there is no such name, or that it has no
//! record of the type, is an answer. A server that fails, is silent or can't be reached gives none: the names
//! that it was asked for keep what they had and are reported as missing, and the others go on. Prometheus does the
//! same and counts no failed refresh, whatever fails; here a refresh that got nothing at all is one.
//!
//! Names are looked up side by side, [`AT_ONCE`] at a time, and a refresh ends at its deadline.

mod settings;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use headcount_core::{Batch, Encoder, GroupError, Instant, Missing, MissingPart, Update};
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::{DnsAnswer, DnsError, DnsQuestion, DomainName, Found, Record};
use headcount_discoverer::metrics::{Definition, Kind};
use headcount_discoverer::refresh::{self, Refresh, RefreshError, Refreshed};
use headcount_discoverer::{BoxFuture, Discoverer, Env, Updates, in_parallel};

pub use settings::{DnsSd, Wanted};

/// How many names are looked up at a time.
pub const AT_ONCE: usize = 32;

/// The longest that a refresh may take, however long the interval.
pub const LONGEST_REFRESH: Duration = Duration::from_secs(60);

/// What a refresh may always take, however short the interval: a server that is down must not keep the next one
/// from being asked.
pub const SHORTEST_DEADLINE: Duration = Duration::from_secs(15);

const LOOKUPS: Definition = Definition {
    name: "prometheus_sd_dns_lookups_total",
    help: "The number of DNS-SD lookups.",
    kind: Kind::Counter,
};

const FAILURES: Definition = Definition {
    name: "prometheus_sd_dns_lookup_failures_total",
    help: "The number of DNS-SD lookup failures.",
    kind: Kind::Counter,
};

struct DnsDiscoverer {
    settings: Arc<DnsSd>,
}

impl Discoverer for DnsDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // So that the series are there before the first lookup, as in Prometheus.
            env.metrics.add(LOOKUPS, &[], 0.0);
            env.metrics.add(FAILURES, &[], 0.0);
            let interval = self.settings.refresh_interval;
            let names = Names::new(&self.settings);
            refresh::run(interval, names, env, updates).await;
        })
    }
}

/// The names of one entry.
struct Names {
    /// Each once.
    names: Vec<String>,
    wanted: Wanted,
    deadline: Duration,
    encoder: Encoder,
    /// Those that have records: they stay when they can't be looked up.
    found: HashSet<String>,
}

impl Refresh for Names {
    async fn refresh(&mut self, env: &Env) -> Result<Refreshed, RefreshError> {
        let answers = self.look_up(env).await;
        self.report(answers)
    }
}

impl Names {
    fn new(settings: &DnsSd) -> Self {
        let mut names: Vec<String> = Vec::with_capacity(settings.names.len());
        let mut known = HashSet::new();
        names.extend(
            settings
                .names
                .iter()
                .filter(|name| known.insert(name.as_str()))
                .cloned(),
        );
        Self {
            names,
            wanted: settings.wanted,
            deadline: settings.refresh_interval.clamp(SHORTEST_DEADLINE, LONGEST_REFRESH),
            encoder: Encoder::new(),
            found: HashSet::new(),
        }
    }

    /// What the DNS says of each name.
    async fn look_up(&self, env: &Env) -> Vec<Result<DnsAnswer, DnsError>> {
        let end = env.clock.now() + self.deadline;
        let mut lookups = Vec::with_capacity(self.names.len());
        for name in &self.names {
            lookups.push(look_up(env, DnsQuestion::new(name, self.wanted.record_type()), end));
        }
        in_parallel(AT_ONCE, lookups).await
    }

    fn report(&mut self, answers: Vec<Result<DnsAnswer, DnsError>>) -> Result<Refreshed, RefreshError> {
        let mut batch = self.encoder.batch();
        let mut failures = Vec::new();
        for (name, answer) in self.names.iter().zip(answers) {
            let has_records = matches!(&answer, Ok(answer) if matches!(answer.found, Found::Records(_)));
            let added = answer
                .map_err(Failed::Dns)
                .and_then(|answer| add(&mut batch, name, self.wanted, answer.found).map_err(Failed::Group));
            match added {
                Ok(()) if has_records => {
                    self.found.insert(name.clone());
                }
                Ok(()) => {
                    self.found.remove(name);
                }
                Err(failed) => failures.push((name, failed)),
            }
        }
        if failures.len() == self.names.len() {
            return Err(nothing(&failures));
        }
        let groups = batch.finish();
        let kept = failures.iter().filter(|(name, _)| self.found.contains(*name)).count();
        let parts = failures
            .iter()
            .map(|(name, failed)| MissingPart::new(name.as_str(), failed.to_string()));
        Ok(Refreshed::Update(match Missing::of(parts) {
            Some(missing) => Update::partial(groups, missing).keeping(kept),
            None => Update::full(groups),
        }))
    }
}

/// What the DNS says of one name until then.
async fn look_up(env: &Env, question: DnsQuestion, end: Instant) -> Result<DnsAnswer, DnsError> {
    let left = end.saturating_duration_since(env.clock.now());
    let result = env.dns.lookup(question, left).await;
    env.metrics.add(LOOKUPS, &[], 1.0);
    if result.is_err() {
        env.metrics.add(FAILURES, &[], 1.0);
    }
    result
}

/// Why a name has no group.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Dns(DnsError),
    #[error(transparent)]
    Group(GroupError),
}

/// A refresh in which every name failed.
fn nothing(failures: &[(&String, Failed)]) -> RefreshError {
    let is_for_good = |failed: &Failed| {
        matches!(
            failed,
            Failed::Dns(DnsError::Name { .. } | DnsError::NotAvailable { .. })
        )
    };
    let kind = if failures.iter().all(|(_, failed)| is_for_good(failed)) {
        RefreshError::at_interval
    } else {
        RefreshError::soon
    };
    match failures {
        [] => kind("there is no name to look up".to_owned()),
        [(_, only)] => kind(only.to_string()),
        [(_, first), rest @ ..] => kind(refresh::and_others(first, rest.len(), "name")),
    }
}

/// Adds the group of a name; without a target it says that there is nothing (any more).
fn add(batch: &mut Batch<'_>, name: &str, wanted: Wanted, found: Found) -> Result<(), GroupError> {
    let records = match found {
        Found::Records(records) => records,
        Found::NoData | Found::NoSuchName => Vec::new(),
    };
    let port = match wanted {
        Wanted::Services => 0,
        Wanted::Hosts(_, port) => port,
    };
    let targets = records.iter().filter_map(|record| target(record, port));
    batch.group(name, [("__meta_dns_name", name.to_owned())], targets)
}

/// The labels of a record's target; none for a record that says that nobody is there.
fn target(record: &Record, port: u16) -> Option<Vec<(&'static str, String)>> {
    let host = |name: &DomainName| (!name.is_root()).then(|| name.without_dot());
    Some(match record {
        Record::A(ip) => vec![("__address__", host_port(&ip.to_string(), port))],
        Record::Aaaa(ip) => vec![("__address__", host_port(&ip.to_string(), port))],
        Record::Mx { exchange, .. } => vec![
            ("__address__", host_port(&host(exchange)?, port)),
            ("__meta_dns_mx_record_target", exchange.to_string()),
        ],
        Record::Ns(server) => vec![
            ("__address__", host_port(&host(server)?, port)),
            ("__meta_dns_ns_record_target", server.to_string()),
        ],
        Record::Srv { port, target, .. } => vec![
            ("__address__", host_port(&host(target)?, *port)),
            ("__meta_dns_srv_record_target", target.to_string()),
            ("__meta_dns_srv_record_port", port.to_string()),
        ],
    })
}

#[cfg(test)]
mod tests;
