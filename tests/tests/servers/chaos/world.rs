//! The processes between which all of this happens, and saying the truth to each backend.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::judge::{Host, Judge};
use super::sources::{BOUND, JOBS, Place, Source, ZONE, discovery, list, sources, zone};
use crate::support::{Consul, Folder, Headcount, Knot, Nginx};

/// How nginx serves the lists. A file beside a list makes it answer with an error, with a page for people, or slowly.
const LISTS: &str = r#"; location ~ ^/(?<list>\w+)\.json$ {
    if (-f $document_root/$list.failing) { return 500; }
    if (-f $document_root/$list.login) { rewrite ^ /login.html last; }
    if (-f $document_root/$list.slow) { set $limit_rate 1500; }
  }
  location = /login.html { default_type text/html; }"#;

/// What somebody gets who has to log in first.
const LOGIN: &str = "<!DOCTYPE html><html><title>Sign in</title><form>Password: <input type=password></form></html>\n";

/// Everything but Prometheus.
pub(super) struct World {
    pub(super) judge: Arc<Judge>,
    pub(super) sources: Vec<Source>,
    pub(super) nginx: Nginx,
    pub(super) consul: Consul,
    /// None while it is killed.
    pub(super) knot: Option<Knot>,
    pub(super) headcount: Headcount,
    /// Whether headcount keeps what it found over a restart.
    pub(super) keeps_state: bool,
    /// What Consul was told of each service.
    registered: BTreeMap<usize, BTreeSet<Host>>,
    serial: usize,
    // Goes last: processes that end tell what they wrote there.
    pub(super) folder: Folder,
}

impl World {
    /// Starts all of it.
    pub(super) fn start(keeps_state: bool) -> Self {
        let (folder, sources) = (Folder::new(), sources());
        let told: Vec<_> = sources
            .iter()
            .map(|source| (source.job, source.to_string(), BOUND))
            .collect();
        let judge = Arc::new(Judge::new(&JOBS, &told, keeps_state));
        for (number, source) in sources.iter().enumerate() {
            judge.add(number, source.hosts);
            write(&folder, source, &judge.hosts(number));
        }
        folder.write("www/login.html", LOGIN);
        let nginx = Nginx::start(&folder, &[LISTS]);
        let consul = Consul::durable(&folder);
        let knot = start_knot(&folder, &zone_text(1, &sources, &judge));
        let consul_address = consul.address().to_string();
        let config = config(&folder, &sources, nginx.port(0), &consul_address);
        let config = folder.write("prometheus.yml", config);
        let mut arguments = vec!["--config".to_owned(), config.to_str().expect("UTF-8").to_owned()];
        if keeps_state {
            arguments.extend(["--state-dir".to_owned(), folder.text("state")]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let headcount = Headcount::restartable(&folder, &arguments);
        judge.set_up(true);
        let mut world = Self {
            judge,
            sources,
            nginx,
            consul,
            knot: Some(knot),
            headcount,
            keeps_state,
            registered: BTreeMap::new(),
            serial: 1,
            folder,
        };
        let services = world.numbers(|place| matches!(place, Place::Service(_)));
        services.into_iter().for_each(|number| world.say_truth(number));
        world
    }

    /// The numbers of the sources whose places are such.
    pub(super) fn numbers(&self, is_such: impl Fn(&Place) -> bool) -> Vec<usize> {
        let sources = self.sources.iter().enumerate();
        sources
            .filter(|(_, source)| is_such(&source.place))
            .map(|(number, _)| number)
            .collect()
    }

    /// Makes a source say what is true.
    pub(super) fn say_truth(&mut self, number: usize) {
        let hosts = self.judge.hosts(number);
        match &self.sources[number].place {
            Place::Service(name) => {
                let before = self.registered.insert(number, hosts.clone()).unwrap_or_default();
                for host in hosts.difference(&before) {
                    self.consul.catalog(&json!({
                        "Node": node(*host), "Address": host.ip().to_string(),
                        "Service": {"ID": name, "Service": name, "Port": Host::PORT},
                    }));
                }
                for host in before.difference(&hosts) {
                    self.consul
                        .put("/v1/catalog/deregister", &json!({ "Node": node(*host) }));
                }
            }
            Place::Name(_) => {
                self.serial += 1;
                let text = zone_text(self.serial, &self.sources, &self.judge);
                self.folder.write(&format!("{ZONE}.zone"), text);
                if let Some(knot) = &self.knot {
                    knot.reload();
                }
            }
            Place::List(_) | Place::File(_) => write(&self.folder, &self.sources[number], &hosts),
        }
    }

    /// Starts the name server again.
    pub(super) fn restart_knot(&mut self) {
        self.serial += 1;
        let text = zone_text(self.serial, &self.sources, &self.judge);
        self.knot = Some(start_knot(&self.folder, &text));
    }

    /// headcount's configuration.
    pub(super) fn config(&self) -> String {
        let consul = self.consul.address().to_string();
        config(&self.folder, &self.sources, self.nginx.port(0), &consul)
    }
}

/// Writes a list where it is served or read, as a whole.
fn write(folder: &Folder, source: &Source, hosts: &BTreeSet<Host>) {
    match &source.place {
        Place::List(name) => drop(folder.write(&format!("www/{name}.json"), list(name, hosts))),
        Place::File(path) => drop(folder.write(path, list(path, hosts))),
        Place::Service(_) | Place::Name(_) => {}
    }
}

fn node(host: Host) -> String {
    format!("node-{}", host.ip())
}

fn start_knot(folder: &Folder, zone: &str) -> Knot {
    Knot::start(folder, &[(ZONE, Some(zone))])
}

fn zone_text(serial: usize, sources: &[Source], judge: &Judge) -> String {
    let names = sources.iter().enumerate();
    let names = names.filter_map(|(number, source)| match &source.place {
        Place::Name(name) => Some((name.as_str(), judge.hosts(number))),
        _ => None,
    });
    zone(serial, names)
}

fn config(folder: &Folder, sources: &[Source], nginx: u16, consul: &str) -> String {
    let path = folder.text("");
    let path = path.trim_end_matches('/');
    let jobs = JOBS.iter().enumerate().map(|(number, job)| {
        let discovery = discovery(number, sources, nginx, consul, path);
        format!("  - job_name: {job}\n{discovery}")
    });
    format!("scrape_configs:\n{}", jobs.collect::<String>())
}
