//! A real Prometheus, and promtool.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::folder::Folder;
use super::http;
use super::ports::free_port;
use super::process::Process;
use super::required::{find, is_installed_by_chance};
use super::targets::{Labels, labels};
use super::wait::until;

/// A Prometheus of version 3, which is installed where Debian's newest suite can be had.
const NEWEST: &str = "prometheus-3";

/// A Prometheus on a port of its own.
pub(crate) struct Prometheus {
    address: SocketAddr,
    // Runs as long as this value lives.
    _process: Process,
}

/// What Prometheus knows of its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Those that it scrapes: their jobs, their labels as discovered and after relabelling, and
    /// where they are scraped.
    pub(crate) active: BTreeSet<(String, Labels, Labels, String)>,
    /// Those that relabelling dropped, as discovered.
    pub(crate) dropped: BTreeSet<Labels>,
}

impl Seen {
    /// The addresses of all targets that are scraped, as discovered.
    pub(crate) fn addresses(&self) -> BTreeSet<&str> {
        let addresses = self
            .active
            .iter()
            .filter_map(|(_, discovered, ..)| discovered.get("__address__"));
        addresses.map(String::as_str).collect()
    }

    /// The same without what Prometheus gets wrong: as long as a target is relabelled, version
    /// 2.42 shows other labels among those that were discovered.
    pub(crate) fn with_relabelled(mut self, relabelled_jobs: &[&str]) -> Self {
        let only_address = |mut labels: Labels| {
            labels.retain(|name, _| name == "__address__");
            labels
        };
        let active = self.active.into_iter().map(|(job, discovered, kept, url)| {
            let is_relabelled = relabelled_jobs.contains(&job.as_str());
            let discovered = if is_relabelled {
                only_address(discovered)
            } else {
                discovered
            };
            (job, discovered, kept, url)
        });
        self.active = active.collect();
        self.dropped = self.dropped.into_iter().map(only_address).collect();
        self
    }

    /// The same without targets that have no port: Prometheus 2 adds one, Prometheus 3 does not.
    pub(crate) fn with_port(mut self) -> Self {
        self.active.retain(|(_, discovered, ..)| {
            let address = discovered.get("__address__");
            address.is_some_and(|address| address.contains(':'))
        });
        self
    }

    /// The same without a label that tells how the targets were discovered.
    pub(crate) fn without(mut self, label: &str) -> Self {
        let strip = |mut labels: Labels| {
            labels.remove(label);
            labels
        };
        let active = self.active.into_iter();
        self.active = active
            .map(|(job, discovered, kept, url)| (job, strip(discovered), strip(kept), url))
            .collect();
        self.dropped = self.dropped.into_iter().map(strip).collect();
        self
    }
}

impl Prometheus {
    /// Starts one; what it writes goes to the folder's subfolder `name`.
    pub(crate) fn start(folder: &Folder, name: &str, config: &Path) -> Self {
        Self::run("prometheus", folder, name, config)
    }

    /// The same of version 3, where one is installed. If not, says which test lacks it.
    pub(crate) fn start_newest(folder: &Folder, name: &str, config: &Path) -> Option<Self> {
        is_installed_by_chance(NEWEST).then(|| Self::run(NEWEST, folder, name, config))
    }

    fn run(program: &str, folder: &Folder, name: &str, config: &Path) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Process::command(&find(program).expect("prometheus is installed"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.text(name)))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=info");
        let mut process = Process::start(name, &mut command, folder.path(&format!("{name}.log")));
        process.wait_until("is ready", |_| {
            match http::request(address, "GET", "/-/ready", "")?.status {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        });
        Self {
            address,
            _process: process,
        }
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &str) -> Result<http::Answer, String> {
        http::request(self.address, "GET", path, "")
    }

    /// What its API says at `path`.
    pub(crate) fn json(&self, path: &str) -> Result<Value, String> {
        http::request(self.address, "GET", path, "")?.json()
    }

    /// Its targets.
    pub(crate) fn targets(&self) -> Result<Seen, String> {
        let answer = http::request(self.address, "GET", "/api/v1/targets", "")?.json()?;
        seen(&answer["data"])
    }

    /// The sum of a metric's samples that have all of these labels, each written `name="value"`.
    pub(crate) fn metric(&self, name: &str, with: &[&str]) -> Result<f64, String> {
        let text = http::request(self.address, "GET", "/metrics", "")?.text();
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '));
        let samples = samples.filter(|(series, _)| series.split('{').next() == Some(name));
        let values = samples.filter(|(series, _)| with.iter().all(|label| series.contains(label)));
        let values = values.map(|(_, value)| value.parse::<f64>().map_err(|error| error.to_string()));
        values.collect::<Result<Vec<_>, _>>().map(|values| values.iter().sum())
    }

    /// Waits until a metric is at least `least`.
    pub(crate) fn wait_for_metric(&self, name: &str, with: &[&str], least: f64) {
        until(&format!("{name} {with:?} is {least}"), || {
            match self.metric(name, with)? {
                value if value >= least => Ok(()),
                value => Err(value.to_string()),
            }
        });
    }
}

/// The targets in an answer of `/api/v1/targets`, headcount's or Prometheus's.
///
/// # Errors
/// It has another form.
pub(crate) fn seen(data: &Value) -> Result<Seen, String> {
    let list = |name: &str| data[name].as_array().ok_or_else(|| format!("no {name}: {data}"));
    let active = list("activeTargets")?.iter().map(|target| {
        let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
        let (discovered, kept) = (discovered(target)?, labels(&target["labels"])?);
        Ok((text("scrapePool"), discovered, kept, text("scrapeUrl")))
    });
    let dropped = list("droppedTargets")?.iter().map(discovered);
    Ok(Seen {
        active: active.collect::<Result<_, String>>()?,
        dropped: dropped.collect::<Result<_, String>>()?,
    })
}

/// The labels that Prometheus has since 3.x.
pub(crate) const LATER_LABELS: [&str; 3] = [
    "__convert_classic_histograms_to_nhcb__",
    "__always_scrape_classic_histograms__",
    "__scrape_native_histograms__",
];

/// A target's labels as discovered, without those that came later.
fn discovered(target: &Value) -> Result<Labels, String> {
    let mut labels = labels(&target["discoveredLabels"])?;
    labels.retain(|name, _| !LATER_LABELS.contains(&name.as_str()));
    Ok(labels)
}

/// Lets promtool check a configuration, in all but what it says of rule files.
///
/// # Panics
/// It finds something wrong.
pub(crate) fn check_config(config: &Path) {
    let output = promtool()
        .args(["check", "config"])
        .arg(config)
        .output()
        .expect("running promtool");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success(),
        "promtool refuses {}: {said:?}",
        config.display()
    );
}

/// The targets that promtool finds for a job, as discovered and after relabelling.
pub(crate) fn check_service_discovery(config: &Path, job: &str) -> BTreeSet<(Labels, Labels)> {
    check_service_discovery_with("promtool", config, job)
}

/// The same with a promtool of another name.
pub(crate) fn check_service_discovery_with(promtool: &str, config: &Path, job: &str) -> BTreeSet<(Labels, Labels)> {
    // It always waits as long as it may, which has to suffice for reading a few files.
    check_service_discovery_within(promtool, config, job, "4s")
}

/// The same within a time, for who looks again if that was too short.
pub(crate) fn check_service_discovery_within(
    promtool: &str,
    config: &Path,
    job: &str,
    timeout: &str,
) -> BTreeSet<(Labels, Labels)> {
    service_discovery_with_log(promtool, config, job, timeout).0
}

/// The same, with what promtool says while it looks.
pub(crate) fn service_discovery_with_log(
    promtool: &str,
    config: &Path,
    job: &str,
    timeout: &str,
) -> (BTreeSet<(Labels, Labels)>, String) {
    let arguments = ["check", "service-discovery", &format!("--timeout={timeout}")];
    let output = Command::new(find(promtool).expect("promtool is installed"))
        .args(arguments)
        .arg(config)
        .arg(job)
        .output()
        .expect("running promtool");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let list: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in what promtool says: {said}\n{log}"));
    let targets = list.as_array().expect("a list").iter();
    // A target that was dropped has no labels after relabelling.
    let kept = |target: &Value| {
        target
            .get("labels")
            .filter(|kept| !kept.is_null())
            .map_or(Ok(Labels::new()), labels)
    };
    let targets = targets
        .map(|target| {
            (
                labels(&target["discoveredLabels"]).expect("labels"),
                kept(target).expect("labels"),
            )
        })
        .collect();
    (targets, log)
}

/// Whether promtool takes this in a job.
pub(crate) fn promtool_knows(fields: &str) -> bool {
    let folder = Folder::new();
    let config = folder.write("p.yml", format!("scrape_configs:\n- job_name: a\n  {fields}\n"));
    let checked = promtool().args(["check", "config"]).arg(config).output();
    checked.expect("running promtool").status.success()
}

fn promtool() -> Command {
    Command::new(find("promtool").expect("promtool is installed"))
}
