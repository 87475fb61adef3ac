use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_core::{Percent, Throttle};
use headcount_reader::pattern::Folders;
use headcount_reader::{LoadErrors, Problem, Surroundings};
use proptest::prelude::*;

use super::*;
use headcount_discoverer::mechanism::SdConfig;

use crate::{Config, Loader};

/// Files in memory, in one folder.
pub(super) struct World(BTreeMap<PathBuf, String>);

impl World {
    /// A `prometheus.yml`, and a `headcount.yml` beside it.
    pub(super) fn new(prometheus: &str, settings: &str) -> Self {
        let files = [("prometheus.yml", prometheus), (SETTINGS_FILE, settings)];
        let files = files.map(|(name, text)| (Path::new("/etc/p").join(name), text.to_owned()));
        Self(files.into())
    }

    pub(super) fn load(&self) -> Result<Config, LoadErrors> {
        self.load_with(&loader())
    }

    fn load_with(&self, loader: &Loader) -> Result<Config, LoadErrors> {
        loader.examine_file(Path::new("/etc/p/prometheus.yml"), self).config
    }
}

impl Folders for World {
    fn names(&self, _: &Path) -> Vec<OsString> {
        let names = self.0.keys().filter_map(|path| path.file_name());
        names.map(ToOwned::to_owned).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

impl Surroundings for World {
    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

fn loader() -> Loader {
    // One that is lacking, whatever there is.
    Loader::new(headcount_backends::registry()).without("nomad")
}

pub(super) const JOBS: &str = "scrape_configs: [{job_name: node}, {job_name: cmdb}]";

/// The settings beside [`JOBS`].
fn settings(text: &str) -> Settings {
    World::new(JOBS, text)
        .load()
        .expect("nothing is wrong with it")
        .settings
}

/// What is wrong with settings beside this configuration, a line each.
fn wrong(prometheus: &str, text: &str) -> String {
    let errors = World::new(prometheus, text)
        .load()
        .expect_err("something is wrong with it");
    errors.to_string().replace("/etc/p/", "")
}

#[test]
fn everything_that_can_be_said() {
    let text = "
defaults:
  max_drop: 30%
  hold: 10m
  count: gross
  max_stale: 1d
  incomplete_after: 5m
  serve_incomplete: false
  throttle: {policy: 'ticker:5s', per_set: true}
jobs:
  node: {max_drop: off, serve_incomplete: true}
  racks: {max_stale: off, hold: 1h, count: net}
scrape_configs:
- job_name: racks
  local_sd_configs: [{refresh_interval: 5s}]
  file_sd_configs: [{files: [racks.json]}]
web: {listen: '127.0.0.1:9098', allowed_hosts: [SD.example.org, '*.svc']}
state: {dir: state}
members: {names: [b, a], replication_factor: 2, unshared_jobs: [racks]}
";
    let config = World::new(JOBS, text).load().expect("nothing is wrong with it");
    let names: Vec<_> = config.scrape_configs.iter().map(|job| job.job_name.as_str()).collect();
    assert_eq!(names, ["node", "cmdb", "racks"]);
    assert_eq!(config.scrape_configs[2].sd.len(), 2);
    assert_eq!(config.warnings, [], "it is no file of Prometheus's");
    assert_eq!(config.files.last(), Some(&PathBuf::from("/etc/p/headcount.yml")));
    let settings = config.settings;
    assert_eq!(settings.file.as_deref(), Some(Path::new("/etc/p/headcount.yml")));
    let seconds = Duration::from_secs;
    let share = Percent::new(30).expect("a share");
    let of = |job: &str| settings.of_job(job);
    assert_eq!(
        (of("cmdb").max_drop, of("node").max_drop),
        (Some(Limit::At(share)), Some(Limit::Off))
    );
    assert_eq!(
        (of("cmdb").hold, of("racks").hold),
        (Some(seconds(600)), Some(seconds(3_600)))
    );
    assert_eq!(of("cmdb").max_stale.and_then(Limit::get), Some(seconds(86_400)));
    assert_eq!(of("racks").max_stale.and_then(Limit::get), None);
    assert_eq!(of("racks").incomplete_after, Some(seconds(300)));
    assert_eq!(
        (of("node").serve_incomplete, of("cmdb").serve_incomplete),
        (Some(true), Some(false))
    );
    assert_eq!(
        settings.throttle.policy,
        Some(Throttle::Ticker { interval: seconds(5) })
    );
    assert_eq!(settings.throttle.per_set, Some(true));
    assert_eq!(settings.web.listen.as_deref(), Some("127.0.0.1:9098"));
    assert_eq!(settings.web.allowed_hosts, ["sd.example.org", "*.svc"]);
    assert_eq!(settings.state.dir.as_deref(), Some(Path::new("/etc/p/state")));
    let said: Vec<_> = settings
        .fields()
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn nothing_has_to_be_said() {
    for text in [
        "",
        "# nothing yet\n",
        "{}",
        "defaults:\njobs:\nweb: {}\nstate: {}\nscrape_configs: []\n",
    ] {
        let settings = settings(text);
        assert_eq!(settings.fields(), BTreeMap::new(), "{text:?}");
    }
    let mut world = World::new(JOBS, "");
    world.0.remove(Path::new("/etc/p/headcount.yml"));
    let config = world.load().expect("nothing is wrong with it");
    assert_eq!(config.settings, Settings::default());
    assert_eq!(config.files.len(), 1);
}

#[test]
fn members_are_said_in_one_way() {
    for (members, expected) in [
        ("{}", "headcount.yml:1:10: members: say who"),
        (
            "{names: [a], grace: 1m}",
            "1:30: members.grace: this is for members that ask",
        ),
        (
            "{names: [a, b, a]}",
            "1:25: members.names[2]: this member is named twice",
        ),
        ("{names: ['']}", "members.names[0]: a member's name is empty"),
        ("{names: []}", "members.names: name at least one member"),
        ("{allow: 'a('}", "1:18: members.allow: "),
        ("{allow: ''}", "this matches no name"),
        ("{allow: a, grace: 0s}", "members.grace: must be longer than 0"),
        ("{allow: '', garce: 1m}", "members: unknown field `garce`"),
        ("{allow: a, replication_factor: 0}", "at least one member"),
        (
            "{allow: a, unshared_jobs: [nodes]}",
            "members.unshared_jobs[0]: there is no job \"nodes\"",
        ),
        ("{allow: a, unsharedjobs: []}", "members: unknown field `unsharedjobs`"),
        ("{allow: a, strategy: nodes}", "1:31: members.strategy: \"nodes\""),
        (
            "{allow: a, fallback: none}",
            "members.fallback: this is for `strategy: per_node`",
        ),
        (
            "{allow: a, strategy: consistent, node_labels: [a]}",
            "members.node_labels: this is for `strategy: per_node`",
        ),
        (
            "{allow: a, strategy: weighted}",
            "1:31: members.strategy: say with `weight_label`",
        ),
        (
            "{allow: a, strategy: per_node, weight_label: a}",
            "members.weight_label: this is for `strategy: weighted`",
        ),
        (
            "{allow: a, strategy: weighted, weight_label: a, fallback: none}",
            "members.fallback: this is for `strategy: per_node`",
        ),
        (
            "{allow: a, strategy: weighted, weight_label: __meta_a}",
            "members.weight_label: labels that begin with `__meta_` are gone",
        ),
        (
            "{allow: a, strategy: weighted, weight_label: ''}",
            "members.weight_label: ",
        ),
        (
            "{allow: a, strategy: per_node, fallback: all}",
            "members.fallback: \"all\"",
        ),
        (
            "{allow: a, strategy: per_node, node_labels: []}",
            "name at least one label",
        ),
        (
            "{allow: a, strategy: per_node, node_labels: [a, '']}",
            "members.node_labels[1]",
        ),
        (
            "{names: [a], identity: seat}",
            "members.identity: this is for members that ask",
        ),
        (
            "{allow: a, identity: node}",
            "1:31: members.identity: a member that asks is called",
        ),
        ("{allow: a, identity: pod}", "1:31: members.identity: \"pod\""),
        (
            "{allow: a, identity: seat, strategy: per_node}",
            "members.identity: with `strategy: per_node` a target belongs",
        ),
        (
            "{allow: a, relabel_configs: []}",
            "1:38: members.relabel_configs: this is for members that are found",
        ),
        (
            "{allow: a, static_configs: [{targets: [a]}]}",
            "members.allow: say who the members are, in one way",
        ),
        ("{file_sd_configs: []}", "members: members are found nowhere"),
        ("{file_sd_configs: [{files: []}]}", "members.file_sd_configs[0]"),
        (
            "{flie_sd_configs: [{files: [a.json]}]}",
            "members: unknown field `flie_sd_configs`",
        ),
        (
            "{file_sd_configs: [{files: [a.json]}], relabel_configs: [{regex: 'a('}]}",
            "members.relabel_configs[0].regex",
        ),
        (
            "{file_sd_configs: [{files: [a.json]}], grace: 0s}",
            "members.grace: must be longer than 0",
        ),
    ] {
        let said = wrong(JOBS, &format!("members: {members}"));
        assert!(said.contains(expected), "{members}: {said}");
    }
}

#[test]
fn members_that_ask_are_known_by_their_names() {
    let asking = settings("members: {allow: 'm-[0-9]+'}").members.expect("members");
    let Who::Asking {
        allow,
        grace,
        has_seats: false,
    } = asking.who
    else {
        panic!("they ask")
    };
    assert!(allow.is_match("m-1") && !allow.is_match("m-1x"));
    assert_eq!((grace, asking.replicas), (Duration::from_secs(60), 1));
    assert_eq!(asking.strategy, MemberStrategy::Consistent);
}

#[test]
fn what_decides_who_scrapes_a_target_is_said_with_its_labels() {
    let per_node = settings("members: {allow: a, strategy: per_node}")
        .members
        .expect("members");
    let of_kubernetes = MemberStrategy::PerNode {
        labels: Vec::new(),
        has_fallback: true,
    };
    assert_eq!(per_node.strategy, of_kubernetes);
    let said = settings("members: {allow: a, strategy: per_node, node_labels: [b, a], fallback: none}").fields();
    assert_eq!(said["members.node_labels"], "b, a");
    assert_eq!(said["members.fallback"], "none");
    let said = settings("members: {allow: a, strategy: weighted, weight_label: __weight, identity: seat}").fields();
    assert_eq!(
        (said["members.strategy"].as_str(), said["members.weight_label"].as_str()),
        ("weighted", "__weight")
    );
}

#[test]
fn members_are_found_by_any_mechanism() {
    let text = "members: {file_sd_configs: [{files: [a.json]}], static_configs: [{targets: ['a:1']}], identity: node, \
                relabel_configs: [{source_labels: [pod], target_label: instance}], strategy: per_node, grace: 2m}";
    let config = World::new(JOBS, text).load().expect("nothing is wrong with it");
    let members = config.settings.members.as_ref().expect("members");
    let found = members.found().expect("they are found");
    let mechanisms: Vec<_> = found.sd.iter().map(SdConfig::mechanism).collect();
    assert_eq!(mechanisms, ["file", "static"]);
    assert_eq!(
        (found.identity, found.grace),
        (MemberIdentity::Node, Duration::from_secs(120))
    );
    assert_eq!(found.relabeling.rules().len(), 1);
    let said = config.settings.fields();
    for (field, expected) in [
        ("members.file_sd_configs", "/etc/p/a.json"),
        ("members.static_configs", "a:1"),
        ("members.identity", "node"),
        ("members.grace", "2m"),
        ("members.relabel_configs", "\"target_label\":\"instance\""),
    ] {
        assert!(said[field].contains(expected), "{field}: {}", said[field]);
    }
    let seats = settings("members: {allow: a, identity: seat}");
    assert_eq!(seats.fields()["members.identity"], "seat");
    let found = settings("members: {file_sd_configs: [{files: [a.json]}]}")
        .members
        .expect("members");
    assert_eq!(found.found().expect("found").identity, MemberIdentity::Name);
}

#[test]
fn each_mistake_has_its_place() {
    let text = "
global: {scrape_interval: 5s}
max_drop: 5%
throttle: {policy: ticker}
records: []
join: {}
members: {names: [a, a, ''], allow: 'a(', grace: 0s, replication_factor: 5, unshared_jobs: [nodes]}
cluster: {peers: [a]}
defaults:
  max_drop: 30
  hold: 0s
  max_stale: [1d]
  incomplete_after: 5 m
  serve_incomplete: maybe
  count: both
  throttle: {policy: 'backoff:5s', per_sets: true}
  max_drops: 5%
jobs:
  nod: {max_drop: 5%}
  Node: {}
  elsewhere: {}
  cmdb: {max_drop: 130%, throttle: {policy: ticker}, holds: 5m}
  node:
web: {listen: 9099, allowed_hosts: [a, 'http://b:80/', '*'], tls: {}}
state: {dir: '', enabled: perhaps}
scrape_configs:
- {job_name: cmdb}
- {job_name: other, nomad_sd_configs: [{}]}
- {static_configs: [{targets: ['http://x']}]}
";
    insta::assert_snapshot!(wrong(JOBS, text));
}

#[test]
fn forms_that_are_one_too_many() {
    let texts = [
        "defaults: {throttle: 'ticker:5s'}",
        "state: {dir: /x, enabled: false}",
        "web: {}\n---\nweb: {listen: ':1'}",
        "jobs: [node]",
        "- jobs",
        "defaults: {hold: 5m, hold: 6m}",
        "jobs: {node: {}, 'node': {}}",
        "[",
    ];
    let all: Vec<_> = texts.iter().map(|text| wrong(JOBS, text)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// What is not known because it could not be read is not said to be missing.
#[test]
fn jobs_that_could_not_be_read_may_be_there() {
    let text = "jobs: {node: {}}";
    assert_eq!(wrong("scrape_configs: [{job_name: other}]", text).lines().count(), 1);
    for prometheus in [
        "scrape_configs: [{job_name: [node]}]",
        "scrape_configs: [{}]",
        "scrape_configs: 5",
        "scrape_configs: [5]",
        "[",
        "5",
        "scrape_config_files: ['[*.yml']",
    ] {
        let said = wrong(prometheus, text);
        assert!(!said.contains("headcount.yml"), "{prometheus}: {said}");
    }
    let with_a_mistake = "scrape_configs: [{job_name: other, scheme: []}]";
    assert_eq!(
        wrong(with_a_mistake, text).lines().count(),
        2,
        "and what can be known is said at once"
    );
}

fn warnings(text: &str) -> Vec<Problem> {
    let config = World::new(JOBS, text).load();
    config.expect("nothing is wrong with it").warnings
}

#[test]
fn more_copies_than_members_are_remarkable() {
    let too_few = warnings("members: {names: [a], replication_factor: 2}");
    let expected = "1:43: members.replication_factor: each target is to have more members than";
    assert!(too_few[0].to_string().contains(expected), "{}", too_few[0]);
    assert_eq!(warnings("members: {allow: a, replication_factor: 2}"), []);
}

#[test]
fn a_hold_time_alone_is_remarkable() {
    let text = "jobs: {node: {hold: 5m}}";
    assert_eq!(
        warnings(text)[0].to_string(),
        "/etc/p/headcount.yml:1:14: jobs.node: `hold` and `count` do nothing without `max_drop`: here, in `defaults`, or as --max-drop"
    );
    assert_eq!(warnings("jobs: {node: {hold: 5m, max_drop: 5%}}"), []);
    assert_eq!(warnings("{defaults: {max_drop: 5%}, jobs: {node: {hold: 5m}}}"), []);
}

#[test]
fn a_file_that_is_named_has_to_be_there_and_text_has_none_beside_it() {
    let world = World::new(JOBS, "jobs: {gone: {}}");
    let elsewhere = loader().settings("/etc/other.yml");
    let said = world.load_with(&elsewhere).expect_err("it is not there").to_string();
    assert!(said.starts_with("/etc/other.yml: can't be read: "), "{said}");
    let text = loader().parse(JOBS.as_bytes(), Path::new("/etc/p/prometheus.yml"), &world);
    assert_eq!(text.expect("nothing is wrong with it").settings, Settings::default());
    let named = loader().settings("/etc/p/headcount.yml");
    let named = named.parse(JOBS.as_bytes(), Path::new("/etc/p/prometheus.yml"), &world);
    assert!(
        named
            .expect_err("it counts")
            .to_string()
            .contains("there is no job \"gone\"")
    );
    // It is not its own settings.
    let itself = loader().examine_file(Path::new("/etc/p/headcount.yml"), &world).config;
    assert!(
        itself
            .expect_err("it is none")
            .to_string()
            .contains("unknown field `jobs`")
    );
}

#[test]
fn a_configuration_that_was_made_gets_settings_too() {
    let job = ScrapeConfig::new("local", Vec::new(), &Global::default());
    let made = || Config {
        scrape_configs: vec![job.clone()],
        ..Config::default()
    };
    let complete = |text: &str| {
        let world = World::new("", text);
        loader().settings("/etc/p/headcount.yml").complete(made(), &world)
    };
    let config = complete("{jobs: {local: {max_drop: 5%}}, scrape_configs: [{job_name: a}]}");
    let config = config.expect("nothing is wrong with it");
    assert_eq!((config.scrape_configs.len(), config.settings.jobs.len()), (2, 1));
    let errors = complete("{jobs: {loca: {}}, scrape_configs: [{job_name: local}]}").expect_err("wrong");
    insta::assert_snapshot!(errors.to_string());
    assert_eq!(
        loader().complete(made(), &World::new("", "")),
        Ok(made()),
        "no file was named"
    );
}

#[test]
fn secrets_are_not_shown() {
    let text = "scrape_configs: [{job_name: a, basic_auth: {username: u, password: hunter2}}]";
    let config = World::new(JOBS, text).load().expect("nothing is wrong with it");
    assert!(
        config.settings.redacted.text().contains("password: <secret>"),
        "{}",
        config.settings.redacted.text()
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// Pieces of settings and of YAML, which random text would hardly ever hit.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "defaults:",
        "jobs:",
        "web:",
        "state:",
        "scrape_configs:",
        "records:",
        "throttle:",
        "max_drop: ",
        "hold: ",
        "max_stale: ",
        "incomplete_after: ",
        "serve_incomplete: ",
        "policy: ",
        "per_set: ",
        "listen: ",
        "dir: ",
        "enabled: ",
        "node:",
        "- job_name: a",
        "30%",
        "off",
        "10m",
        "true",
        "backoff:100ms..5s",
        ":9099",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "&a ",
        "*a",
        "<<: *a",
        "~",
        "\"",
        "# ",
        "---\n",
    ]);
    prop_oneof![6 => words.prop_map(str::to_owned), 1 => "\\PC{0,4}"]
}

proptest! {
    #[test]
    fn anything_like_settings_is_answered(pieces in prop::collection::vec(piece(), 0..40)) {
        let world = World::new(JOBS, &pieces.concat());
        match world.load() {
            Ok(config) => {
                let fields = config.settings.fields();
                let again = world.load().expect("it could be read before");
                prop_assert_eq!(fields, again.settings.fields());
            }
            Err(errors) => {
                prop_assert!(!errors.problems.is_empty());
                for problem in &errors.problems {
                    let line = problem.to_string();
                    prop_assert!(!line.contains('\n'), "one line a problem: {problem:?}");
                    prop_assert!(line.starts_with("/etc/p/headcount.yml"), "{line}");
                }
            }
        }
    }
}
