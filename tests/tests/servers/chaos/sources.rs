//! What there is to discover: 20,000 hosts at four kinds of backends, and how each is told what it is to say.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::judge::Host;

/// The jobs, by number.
pub(super) const JOBS: [&str; 7] = ["fleet", "racks", "files", "yaml", "mixed", "consul", "dns"];

/// How often headcount asks; of files, how often it looks without being told. Long enough for a list that is wrong to
/// be put right after the first look at it, and before the second.
pub(super) const INTERVAL: Duration = Duration::from_secs(4);

/// The longest between two of Prometheus's looks at headcount.
pub(super) const PROMETHEUS_INTERVAL: Duration = Duration::from_secs(1);

/// A change waits for the interval, headcount's throttle (5 s), Prometheus's interval, its throttle (5 s) and the
/// next time at which it takes targets over (5 s).
const LONGEST_WAY: Duration = Duration::from_secs(4 + 5 + 1 + 5 + 5);

/// What a backend takes until it is well again, or a file until it is believed that it has less in it.
const RECOVERY: Duration = Duration::from_secs(10);

/// For machines that are busy.
const MARGIN: Duration = Duration::from_secs(20);

/// How long a change at a source that is well may take until Prometheus has it.
pub(super) const BOUND: Duration = LONGEST_WAY.saturating_add(RECOVERY).saturating_add(MARGIN);

/// Hosts that share a group.
const IN_GROUP: usize = 50;

/// Where a source says what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A list of nginx's, by its name.
    List(String),
    /// A list file, by its path in the test's folder.
    File(String),
    /// A service in Consul.
    Service(String),
    /// A name in [`ZONE`].
    Name(String),
}

/// The zone of all names.
pub(super) const ZONE: &str = "chaos.test";

/// What has hosts of its own, and can be ill by itself.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) job: usize,
    pub(super) place: Place,
    /// How many hosts it begins with.
    pub(super) hosts: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::List(name) => write!(f, "the list {name}"),
            Place::File(path) => write!(f, "the file {path}"),
            Place::Service(name) => write!(f, "the service {name}"),
            Place::Name(name) => write!(f, "the name {name}"),
        }
    }
}

/// All of them.
pub(super) fn sources() -> Vec<Source> {
    let several = |job: usize, count: usize, hosts: usize, place: fn(usize) -> Place| {
        (0..count).map(move |number| Source {
            job,
            place: place(number),
            hosts,
        })
    };
    let all = several(0, 1, 6_000, |_| Place::List("fleet".into()))
        .chain(several(1, 4, 500, |rack| Place::List(format!("rack{rack}"))))
        .chain(several(2, 20, 500, |file| Place::File(format!("files/{file:02}.json"))))
        .chain(several(3, 4, 400, |file| Place::File(format!("yaml/{file}.yml"))))
        .chain(several(4, 1, 150, |_| Place::List("mixed".into())))
        .chain(several(4, 1, 150, |_| Place::File("mixed/0.json".into())))
        .chain(several(5, 4, 25, |service| Place::Service(format!("service{service}"))))
        .chain(several(6, 4, 25, |name| Place::Name(format!("name{name}"))));
    all.collect()
}

/// The discovery of a job, as it stands in a prometheus.yml.
pub(super) fn discovery(job: usize, sources: &[Source], nginx: u16, consul: &str, folder: &str) -> String {
    let (mut lists, mut folders, mut services, mut names) = (Vec::new(), BTreeSet::new(), false, Vec::new());
    for source in sources.iter().filter(|source| source.job == job) {
        match &source.place {
            Place::List(name) => lists.push(format!(
                "{{url: 'http://127.0.0.1:{nginx}/{name}.json', refresh_interval: 4s}}"
            )),
            Place::File(path) => {
                let (inside, ending) = (folder_of(path), path.rsplit('.').next().unwrap_or_default());
                folders.insert(format!("'{folder}/{inside}/*.{ending}'"));
            }
            Place::Service(_) => services = true,
            Place::Name(name) => names.push(format!("{name}.{ZONE}")),
        }
    }
    let mut text = String::new();
    let mut section = |name: &str, entries: &str| {
        writeln!(text, "    {name}_sd_configs: [{entries}]").expect("writing to a string");
    };
    if !lists.is_empty() {
        section("http", &lists.join(", "));
    }
    if !folders.is_empty() {
        let files: Vec<_> = folders.into_iter().collect();
        section(
            "file",
            &format!("{{files: [{}], refresh_interval: 4s}}", files.join(", ")),
        );
    }
    if services {
        section("consul", &format!("{{server: '{consul}', refresh_interval: 4s}}"));
    }
    if !names.is_empty() {
        let names = names.join(", ");
        let port = Host::PORT;
        section(
            "dns",
            &format!("{{names: [{names}], type: A, port: {port}, refresh_interval: 4s}}"),
        );
    }
    text
}

/// The folder in which a file is.
pub(super) fn folder_of(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// A list of hosts, in the format that its name asks for.
pub(super) fn list(name: &str, hosts: &BTreeSet<Host>) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    let groups = hosts.chunks(IN_GROUP).map(|group| group.join(", "));
    if name.ends_with(".yml") {
        return groups
            .map(|group| format!("- targets: [{group}]\n  labels: {{list: \"{name}\"}}\n"))
            .collect();
    }
    let groups: Vec<_> = groups
        .map(|group| format!("{{\"targets\": [{group}], \"labels\": {{\"list\": \"{name}\"}}}}"))
        .collect();
    format!("[\n{}\n]\n", groups.join(",\n"))
}

/// The file of the zone with these names.
pub(super) fn zone<'n>(serial: usize, names: impl Iterator<Item = (&'n str, BTreeSet<Host>)>) -> String {
    let mut text = format!("@ 1 IN SOA ns root {serial} 3600 600 86400 1\n@ 1 IN NS ns\nns 1 IN A 127.0.0.1\n");
    for (name, hosts) in names {
        for host in hosts {
            writeln!(text, "{name} 1 IN A {}", host.ip()).expect("writing to a string");
        }
    }
    text
}
