//! What an entry of `dns_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::env::RecordType;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Fields, ProblemKind};

use super::{DnsDiscoverer, FAILURES, LOOKUPS};

/// How often names are looked up where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// One entry of `dns_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsSd {
    pub(super) names: Vec<String>,
    pub(super) wanted: Wanted,
    pub(super) refresh_interval: Duration,
}

/// What is asked for, and where the targets' port comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Services, which have ports of their own.
    Services,
    /// Records of another type than SRV, and the port of all targets.
    Hosts(RecordType, u16),
}

impl Wanted {
    /// The type of records that are asked for.
    pub fn record_type(self) -> RecordType {
        match self {
            Self::Services => RecordType::Srv,
            Self::Hosts(record_type, _) => record_type,
        }
    }
}

impl DnsSd {
    /// These names, looked up every `refresh_interval`.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>, wanted: Wanted, refresh_interval: Duration) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
            wanted,
            refresh_interval,
        }
    }

    /// The names, as they are written.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is asked for.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// How often names are looked up.
    pub fn refresh_interval(&self) -> Duration {
        self.refresh_interval
    }
}

impl Mechanism for DnsSd {
    const NAME: &'static str = "dns";
    const SUMMARY: &'static str = "hosts and services that the DNS knows";
    const METRICS: &'static [Definition] = &[LOOKUPS, FAILURES];

    fn read(fields: &mut Fields<'_>, _place: &Place<'_>) -> Option<Self> {
        let names_at = fields.take("names");
        let names = names_at.as_ref().and_then(|at| at.texts()).unwrap_or_default();
        if names.is_empty() {
            let at = names_at.unwrap_or_else(|| fields.at().clone());
            at.report(ProblemKind::EmptyList { what: "name, in names" });
        }
        let refresh_interval = fields.interval("refresh_interval", DEFAULT_INTERVAL);
        let wanted = read_wanted(fields);
        Some(Self {
            names: names.into_iter().map(|(name, _)| name).collect(),
            wanted: wanted?,
            refresh_interval,
        })
    }

    fn describe(&self) -> String {
        let names = match self.names.split_at_checked(3) {
            Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
            _ => self.names.join(", "),
        };
        format!("{} records of {names}", self.wanted.record_type())
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(DnsDiscoverer { settings: self })
    }
}

/// The type, in whatever case, and the port, which all types but SRV need.
fn read_wanted(fields: &mut Fields<'_>) -> Option<Wanted> {
    let port_at = fields.take("port");
    let port = port_at.as_ref().map_or(Some(0), |at| at.port());
    let record_type = match fields.take_some("type") {
        None => RecordType::Srv,
        Some(at) => {
            let text = at.text()?;
            match text.to_ascii_uppercase().as_str() {
                "A" => RecordType::A,
                "AAAA" => RecordType::Aaaa,
                "MX" => RecordType::Mx,
                "NS" => RecordType::Ns,
                "SRV" => RecordType::Srv,
                _ => {
                    at.report(ProblemKind::NotOneOf {
                        found: text,
                        allowed: "SRV, A, AAAA, MX, NS",
                    });
                    return None;
                }
            }
        }
    };
    match (record_type, port?) {
        (RecordType::Srv, _) => Some(Wanted::Services),
        (_, 0) => {
            let at = port_at.unwrap_or_else(|| fields.at().clone());
            at.report(ProblemKind::Missing {
                field: "port, which every type but SRV needs,",
            });
            None
        }
        (record_type, port) => Some(Wanted::Hosts(record_type, port)),
    }
}

#[cfg(test)]
mod tests {
    use headcount_reader::{Sink, read};

    use super::*;

    /// What an entry means, or what is wrong with it.
    fn said(entry: &str) -> Result<DnsSd, String> {
        let sink = Sink::new(std::path::Path::new("p.yml").into());
        let document = read(entry, &sink).expect("it is YAML");
        let at = document.root(&sink).expect("it has a root");
        let mut fields = at.fields().expect("a mapping");
        let config = DnsSd::read(&mut fields, &Place::new("/".as_ref()));
        fields.finish();
        let problems: Vec<String> = sink.finish().problems.iter().map(ToString::to_string).collect();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems.join("\n")),
        }
    }

    #[test]
    fn an_entry_is_read_with_prometheus_defaults() {
        let thirty = Duration::from_secs(30);
        let services = |names: &[&str]| Ok(DnsSd::new(names.iter().copied(), Wanted::Services, thirty));
        assert_eq!(said("names: [_a._tcp.x, b]"), services(&["_a._tcp.x", "b"]));
        assert_eq!(
            said("{names: [a], type: srv, port: 80}"),
            services(&["a"]),
            "a port is not used"
        );
        assert_eq!(said("{names: [a], type: }"), services(&["a"]));
        assert_eq!(said("{names: [a..b]}"), services(&["a..b"]), "as in Prometheus");
        let types = [
            ("A", RecordType::A),
            ("aaaa", RecordType::Aaaa),
            ("Mx", RecordType::Mx),
            ("NS", RecordType::Ns),
        ];
        for (text, record_type) in types {
            let wanted = Wanted::Hosts(record_type, 9100);
            let entry = format!("{{names: [a], type: {text}, port: 9100, refresh_interval: 1m}}");
            assert_eq!(said(&entry), Ok(DnsSd::new(["a"], wanted, Duration::from_secs(60))));
        }
    }

    #[test]
    fn a_description_names_the_first_names() {
        let described = |names: &[&str], wanted| DnsSd::new(names.iter().copied(), wanted, DEFAULT_INTERVAL).describe();
        assert_eq!(described(&["a", "b", "c"], Wanted::Services), "SRV records of a, b, c");
        let many = described(&["a", "b", "c", "d", "e"], Wanted::Hosts(RecordType::A, 1));
        assert_eq!(many, "A records of a, b, c and 2 more");
    }
}
