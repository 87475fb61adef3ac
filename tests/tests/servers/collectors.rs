//! OpenTelemetry's collectors with headcount for their target allocator.
//!
//! No collector is at hand. [`Collector`] does what its receiver's client does (opentelemetry-collector-contrib,
//! `receiver/prometheusreceiver/targetallocator/manager.go`), and a real Prometheus what the receiver has of Prometheus:
//! discovery over HTTP, relabelling, scraping. **Two of them end with the targets of one Prometheus that reads the
//! configuration itself**, and with its jobs, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value, json};

use crate::support::required::find;
use crate::support::{Answer, Certificates, Folder, Headcount, Prometheus, Seen, request, request_by_name, until};

/// Jobs of every kind; all targets are on the loopback, where nobody answers.
const CONFIG: &str = r#"
global: {scrape_interval: 7s, scrape_timeout: 3s, sample_limit: 1000}
scrape_configs:
- job_name: serviceMonitor/a b/0
  honor_labels: true
  params: {module: [http_2xx, ''], 'a&b': ['c d']}
  file_sd_configs: [{files: [hosts.json]}]
  relabel_configs:
  - {source_labels: [rack, __meta_zone], regex: '1;(.+)', target_label: zone}
  - {source_labels: [rack], regex: '3', action: drop}
  - {source_labels: [rack], modulus: 2, target_label: part, action: hashmod}
  - {source_labels: [zone], target_label: zone, action: uppercase}
  - {regex: __meta_(f.+), action: labelmap}
  metric_relabel_configs:
  - {source_labels: [a], target_label: b, action: keepequal}
  - {source_labels: [a], target_label: b, action: dropequal}
  - {regex: c, action: labeldrop}
- job_name: probes
  scheme: https
  metrics_path: /probe?a=b
  scrape_interval: 1m30s
  scrape_protocols: [PrometheusText1.0.0]
  fallback_scrape_protocol: OpenMetricsText1.0.0
  body_size_limit: 10MB
  target_limit: 100
  keep_dropped_targets: 10
  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: underscores
  basic_auth: {username: me, password_file: pw}
  tls_config: {insecure_skip_verify: true, min_version: TLS12}
  follow_redirects: false
  proxy_url: http://127.0.0.1:1
  static_configs: [{targets: ['127.0.0.3:9', '127.0.0.4:9'], labels: {site: a}}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
- job_name: everywhere
  authorization: {type: Special, credentials_file: pw}
  http_headers: {X-A: {values: [b]}}
  static_configs: [{targets: ['127.0.0.5:9']}]
"#;

/// A collector of OpenTelemetry, as far as it concerns the target allocator.
struct Collector {
    /// Where it asks, without a slash at the end.
    endpoint: String,
    id: &'static str,
}

impl Collector {
    /// The jobs that an answer of `/scrape_configs` has. Neither status nor content type are looked at.
    fn read(body: &[u8]) -> Result<BTreeMap<String, Map<String, Value>>, String> {
        let text = String::from_utf8(body.to_vec()).map_err(|error| error.to_string())?;
        // What stands for the number of a shard is put in before it is read.
        let text = text.replace("$(SHARD)", "0");
        let jobs: Option<BTreeMap<String, Map<String, Value>>> =
            serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
        Ok(jobs.unwrap_or_default())
    }

    /// What it then does: each job, with the allocator's list in the place of its discovery, under a `global` of its own.
    fn configuration(&self, jobs: BTreeMap<String, Map<String, Value>>) -> Value {
        let jobs = jobs.into_iter().map(|(name, mut job)| {
            let escaped = name.replace('/', "%2F").replace(' ', "+");
            let url = format!("{}/jobs/{escaped}/targets?collector_id={}", self.endpoint, self.id);
            let sd = json!([{"url": url, "refresh_interval": "1s", "follow_redirects": false}]);
            job.insert("http_sd_configs".to_owned(), sd);
            // The receiver passes over what its Prometheus does not know yet, and a whole Prometheus refuses it.
            job.remove("scrape_native_histograms");
            job.entry("fallback_scrape_protocol")
                .or_insert(json!("PrometheusText0.0.4"));
            Value::Object(job)
        });
        json!({"global": {"scrape_interval": "1h", "scrape_timeout": "1h"}, "scrape_configs": jobs.collect::<Vec<_>>()})
    }

    /// Starts it; `None` where there is no Prometheus that is as new.
    fn start(&self, folder: &Folder, headcount: &Headcount) -> Option<Prometheus> {
        let answer = headcount.get("/scrape_configs").expect("an answer");
        let jobs = Self::read(&answer.body).expect("jobs");
        let config = self.configuration(jobs).to_string();
        let config = folder.write(&format!("{}.yml", self.id), config);
        Prometheus::start_newest(folder, self.id, &config)
    }
}

fn config(folder: &Folder) -> std::path::PathBuf {
    folder.write("pw", "secret");
    let host = |number: u8| {
        let address = format!("127.0.0.2:{}", 100 + u16::from(number));
        json!({"targets": [address], "labels": {"rack": (number % 4).to_string(), "__meta_zone": format!("z{number}")}})
    };
    let hosts: Vec<Value> = (0..40).map(host).collect();
    folder.write("hosts.json", Value::from(hosts).to_string());
    folder.write("prometheus.yml", CONFIG)
}

fn headcount(folder: &Folder, config: &Path, members: &str) -> Headcount {
    folder.write("headcount.yml", format!("members: {members}"));
    let headcount = Headcount::with_config(folder, config);
    until("all is found", || {
        match headcount.list("serviceMonitor%2Fa%20b%2F0")?.len() {
            40 => Ok(()),
            other => Err(format!("{other} targets")),
        }
    });
    headcount
}

/// The jobs that a Prometheus has, as it writes them itself, without how it discovers targets.
fn jobs(prometheus: &Prometheus) -> BTreeMap<String, Map<String, Value>> {
    let answer = prometheus.json("/api/v1/status/config").expect("an answer");
    let text = answer["data"]["yaml"].as_str().expect("a text");
    let mut config: Value = serde_yaml::from_str(text).expect("YAML");
    let jobs = config["scrape_configs"].as_array_mut().expect("jobs");
    let taken = jobs.iter_mut().map(|job| {
        let job = job.as_object_mut().expect("a job");
        job.retain(|field, _| !field.ends_with("sd_configs") && field != "static_configs");
        // The receiver fills it in where it is not there.
        job.entry("fallback_scrape_protocol")
            .or_insert(json!("PrometheusText0.0.4"));
        (
            job["job_name"].as_str().expect("a name").to_owned(),
            std::mem::take(job),
        )
    });
    taken.collect()
}

/// What is scraped: job, labels, and where.
fn scraped(seen: Seen) -> BTreeSet<String> {
    let active = seen.active.into_iter();
    active
        .map(|(job, _, labels, url)| format!("{job} {labels:?} {url}"))
        .collect()
}

#[test]
fn two_collectors_scrape_what_one_prometheus_would() {
    require!("prometheus");
    let folder = Folder::new();
    let config = config(&folder);
    let headcount = headcount(
        &folder,
        &config,
        "{names: [otel-0, otel-1], unshared_jobs: [everywhere]}",
    );
    let collector = |id| Collector {
        endpoint: format!("http://{}", headcount.address()),
        id,
    };
    let Some(alone) = Prometheus::start_newest(&folder, "alone", &config) else {
        return;
    };
    let both = [collector("otel-0"), collector("otel-1")];
    let [one, other] = both.map(|collector| collector.start(&folder, &headcount).expect("as new"));

    assert_eq!(jobs(&one), jobs(&alone), "all that a job says is told");
    until("both have their parts", || {
        let (all, one, other) = (alone.targets()?, one.targets()?, other.targets()?);
        let [all, one, other] = [all, one, other].map(scraped);
        let union: BTreeSet<_> = one.union(&other).cloned().collect();
        let twice: Vec<_> = one.intersection(&other).collect();
        let is_shared = matches!(&twice[..], [job] if job.starts_with("everywhere "));
        match union == all && all.len() == 33 && is_shared && one.len() > 10 && other.len() > 10 {
            true => Ok(()),
            false => Err(format!("{all:#?}\n{one:#?}\n{other:#?}")),
        }
    });

    // What is asked for by a person.
    let jobs = headcount.get("/jobs").expect("an answer").json().expect("JSON");
    let link = &jobs["serviceMonitor/a b/0"]["_link"];
    assert_eq!(*link, "/jobs/serviceMonitor%2Fa+b%2F0/targets");
    let all = headcount
        .get(link.as_str().unwrap())
        .expect("an answer")
        .json()
        .expect("JSON");
    let mut count = 0;
    for (id, has) in all.as_object().expect("collectors") {
        let link = has["_link"].as_str().expect("a link");
        let own = headcount.get(link).expect("an answer").json().expect("JSON");
        assert_eq!(own, has["targets"], "{id}");
        for entry in own.as_array().expect("a list") {
            // One to an entry, as it was before relabelling, the address among the labels.
            let [target] = &entry["targets"].as_array().expect("targets")[..] else {
                panic!("{entry}");
            };
            assert_eq!(entry["labels"]["__address__"], *target, "{entry}");
            assert!(
                entry["labels"]["__meta_zone"].is_string() && entry["labels"]["zone"].is_null(),
                "{entry}"
            );
            count += 1;
        }
    }
    assert_eq!(count, 30, "those that are dropped are nobody's");
}

/// Whatever a collector gets, it keeps its jobs unless these are others.
#[test]
fn no_refusal_drops_a_collectors_jobs_or_targets() {
    let folder = Folder::new();
    let config = config(&folder);
    let web = folder.write("web.yml", "rate_limit: {interval: 1h, burst: 1}");
    let empty = folder.write("empty/prometheus.yml", "global: {}");
    let vmagent = "scrape_configs: [{job_name: a, relabel_configs: [{if: '{a=\"b\"}', action: drop}]}]";
    let vmagent = folder.write("vmagent/prometheus.yml", vmagent);
    let text = |path: &Path| path.display().to_string();
    let start = |arguments: &[&str]| Headcount::start(&folder, arguments);
    let refused = |name: &str, answer: Answer, status: u16, part: &str| {
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert!(answer.text().contains(part), "{name}: {}", answer.text());
        let kind = answer.header("content-type").expect("a kind");
        assert!(kind.starts_with("text/plain"), "{name}: {kind}");
        let read = Collector::read(&answer.body);
        assert!(
            read.is_err(),
            "{name}: a collector takes this for jobs: {}",
            answer.text()
        );
    };

    let headcount = headcount(&folder, &config, "{names: [otel-0]}");
    let ask = |method: &str, path: &str, headers: &str| request(headcount.address(), method, path, headers);
    let posted = ask("POST", "/scrape_configs", "").expect("an answer");
    refused("another method", posted, 405, "use one of GET");
    let foreign = request_by_name(headcount.address(), "evil.example", "/scrape_configs").expect("an answer");
    refused("another name", foreign, 403, "evil.example");
    for (path, status) in [
        ("/jobs/nobody/targets?collector_id=otel-0", 404),
        ("/jobs/probes/targets?collector_id=otel-1", 404),
        ("/jobs/probes/targets?collector_id=", 400),
        ("/jobs/%ff/targets?collector_id=otel-0", 400),
        ("/jobs/nobody/targets", 404),
    ] {
        let answer = ask("GET", path, "").expect("an answer");
        refused(path, answer, status, "");
    }
    for (path, body) in [("/livez", "healthy"), ("/readyz", "ready")] {
        until("it is well", || match headcount.get(path)? {
            answer if answer.status == 200 && answer.text().contains(body) => Ok(()),
            answer => Err(format!("{path}: {}", answer.text())),
        });
    }

    let limited = start(&[
        "--config",
        &text(&config),
        "--web.config.file",
        &text(&web),
        "--no-state",
    ]);
    // The first one is taken.
    limited.get("/scrape_configs").expect("an answer");
    refused(
        "too many requests",
        limited.get("/scrape_configs").expect("an answer"),
        429,
        "rate_limit",
    );
    let ready = |headcount: &Headcount| {
        until("it has begun", || match headcount.get("/scrape_configs")?.status {
            503 => Err("it is starting".to_owned()),
            _ => Ok(()),
        });
    };
    let empty = start(&["--config", &text(&empty), "--no-state"]);
    ready(&empty);
    refused(
        "no jobs",
        empty.get("/scrape_configs").expect("an answer"),
        409,
        "has no jobs",
    );
    let vmagent = start(&["--config", &text(&vmagent), "--dialect", "vmagent", "--no-state"]);
    ready(&vmagent);
    let answer = vmagent.get("/scrape_configs").expect("an answer");
    refused(
        "rules of vmagent",
        answer,
        409,
        "rule 1 of `relabel_configs` of the job \"a\"",
    );
    let nobody = vmagent.get("/jobs/a/targets?collector_id=a").expect("an answer");
    refused("nobody shares", nobody, 400, "has no `members`");
}

/// A TLS connection without a certificate of its own, which stays as long as this lives.
struct Connection(Child);

impl Connection {
    fn open(headcount: &Headcount, certificates: &Certificates) -> Self {
        let mut command = Command::new(find("openssl").expect("it is there"));
        command.args(["s_client", "-quiet", "-verify_return_error", "-connect"]);
        command.arg(headcount.address().to_string());
        command.args(["-servername", "localhost", "-CAfile", &certificates.path("ca", "crt")]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self(command.spawn().expect("running openssl"))
    }

    /// What is answered, with its headers.
    fn get(&mut self, path: &str) -> String {
        let stdin = self.0.stdin.as_mut().expect("a pipe");
        write!(stdin, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
        stdin.flush().expect("written");
        let stdout = self.0.stdout.as_mut().expect("a pipe");
        let (mut said, mut byte) = (Vec::new(), [0]);
        let mut read = |said: &mut Vec<u8>| {
            stdout.read_exact(&mut byte).expect("the connection is there");
            said.extend(byte);
        };
        while !said.ends_with(b"\r\n\r\n") {
            read(&mut said);
        }
        let head = String::from_utf8_lossy(&said).to_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next());
        for _ in 0..length.expect("a length").parse::<usize>().expect("a number") {
            read(&mut said);
        }
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It has nothing to lose.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn secrets_are_told_to_who_showed_a_certificate_and_to_nobody_else() {
    require!("curl", "openssl");
    let folder = Folder::new();
    let certificates = Certificates::new(&folder);
    let [cert, key, ca] =
        [("server", "crt"), ("server", "key"), ("ca", "crt")].map(|(name, end)| certificates.path(name, end));
    let served = format!("cert_file: '{cert}', key_file: '{key}'");
    let web = folder.write("web.yml", format!("tls_server_config: {{{served}}}"));
    let jobs = "scrape_configs: [{job_name: node, basic_auth: {username: me, password: hush}}]";
    let config = folder.write("headcount/prometheus.yml", jobs);
    let text = |path: &Path| path.display().to_string();
    let arguments = [
        "--config",
        &text(&config),
        "--web.config.file",
        &text(&web),
        "--no-state",
    ];
    let headcount = Headcount::start(&folder, &arguments);

    let mut before = Connection::open(&headcount, &certificates);
    until("it has begun", || match before.get("/scrape_configs") {
        said if said.starts_with("HTTP/1.1 503") => Err(said),
        _ => Ok(()),
    });
    let said = before.get("/scrape_configs");
    assert!(said.contains("<secret>") && !said.contains("hush"), "{said}");
    until("it is said in the log", || match headcount.log() {
        log if log.contains("told `<secret>` for the secrets of these jobs") => Ok(()),
        log => Err(log),
    });

    // From now on a certificate is demanded; who was there before has shown none.
    let verified = format!("{served}, client_ca_file: '{ca}', client_auth_type: RequireAndVerifyClientCert");
    folder.write("web.yml", format!("tls_server_config: {{{verified}}}"));
    let url = format!("https://localhost:{}/scrape_configs", headcount.address().port());
    let curl = |more: &[&str]| {
        let mut command = Command::new(find("curl").expect("it is there"));
        command.args(["--silent", "--noproxy", "*", "--cacert", &ca]);
        let output = command.args(more).arg(&url).output().expect("running curl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let [own, own_key] = ["crt", "key"].map(|end| certificates.path("client", end));
    until("who has a certificate is told all", || {
        match curl(&["--cert", &own, "--key", &own_key]) {
            said if said.contains("hush") => Ok(()),
            said => Err(said),
        }
    });
    assert_eq!(curl(&[]), "", "nobody else gets in");
    let said = before.get("/scrape_configs");
    assert!(said.contains("<secret>") && !said.contains("hush"), "{said}");
}
