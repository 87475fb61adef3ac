//! What a configuration asks of the two managers, and how it is loaded.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headcount_config::{
    AlertmanagerConfig, Config, LoadErrors, Loader, Machine, MembersSettings, Problem, ScrapeConfig, Settings,
    Surroundings,
};
use headcount_core::JobOptions;
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::ShownYaml;
use headcount_reader::pattern::Folders;

use crate::default_config;
use crate::trace::Trace;

/// The set of members that are found, beside those of Alertmanagers.
pub const MEMBERS_SET: &str = "members";

/// A configuration, reduced to what a service uses of it.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The jobs, in order. Their names are unique.
    pub jobs: Vec<ScrapeConfig>,
    /// The Alertmanagers' configs, by the names that Prometheus gives their sets.
    pub alertmanagers: Vec<(String, AlertmanagerConfig)>,
    /// `external_labels`, sorted by name.
    pub external_labels: Vec<(String, String)>,
    /// What headcount's own file says, besides further jobs.
    pub settings: Settings,
    /// What is shown as the `prometheus.yml`.
    pub redacted: ShownYaml,
    /// What is remarkable but not wrong.
    pub warnings: Vec<Problem>,
}

impl Plan {
    /// Reads a prometheus.yml, all that it includes, and headcount's own settings. Blocks while it does.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn load(loader: &Loader, path: &Path) -> Result<Self, LoadErrors> {
        load_file(loader, path).1
    }

    /// Reads a prometheus.yml that is at hand, and all that it includes. `origin` is the file that the bytes stand for:
    /// messages name it, and paths are relative to its folder. Blocks while it reads files.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn parse(loader: &Loader, bytes: &[u8], origin: &Path) -> Result<Self, LoadErrors> {
        loader.parse(bytes, origin, &Machine).map(Self::from)
    }

    /// The jobs' sets, for the manager called `scrape`.
    #[must_use]
    pub fn scrape_sets(&self) -> Vec<(String, Vec<SdConfig>)> {
        self.jobs
            .iter()
            .map(|job| (job.job_name.clone(), job.sd.clone()))
            .collect()
    }

    /// The Alertmanagers' sets, and that of [members](MEMBERS_SET) that are found, for the manager called `notify`.
    #[must_use]
    pub fn notify_sets(&self) -> Vec<(String, Vec<SdConfig>)> {
        let sets = self.alertmanagers.iter();
        let sets = sets.map(|(name, config)| (name.clone(), config.sd.clone()));
        let members = self.settings.members.as_ref().and_then(MembersSettings::found);
        let members = members.map(|found| (MEMBERS_SET.to_owned(), found.sd.clone()));
        sets.chain(members).collect()
    }

    /// The configuration as YAML, without secrets; headcount's own file is a document of its own.
    pub(crate) fn shown(&self) -> String {
        let mut text = self.redacted.text();
        if let Some(file) = &self.settings.file {
            // A file's name may hold anything but the end of a comment.
            let file = file.display().to_string().escape_debug().to_string();
            text.push_str(&format!("---\n# {file}\n{}", self.settings.redacted.text()));
        }
        text
    }

    /// What each job says about its targets.
    #[must_use]
    pub fn job_options(&self) -> Vec<JobOptions> {
        self.jobs.iter().map(JobOptions::from).collect()
    }
}

impl From<Config> for Plan {
    fn from(config: Config) -> Self {
        let alertmanagers = config.alertmanagers.into_iter().enumerate();
        Self {
            jobs: config.scrape_configs,
            alertmanagers: alertmanagers
                .map(|(index, entry)| (format!("config-{index}"), entry))
                .collect(),
            external_labels: config.global.external_labels,
            settings: config.settings,
            redacted: config.redacted,
            warnings: config.warnings,
        }
    }
}

/// Where plans come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// What is built in: one job, `local`, of what listens on this machine.
    BuiltIn,
    /// A prometheus.yml.
    File(PathBuf),
    /// The text of a prometheus.yml.
    Text {
        /// The YAML.
        text: String,
        /// The file that it stands for: messages name it, and paths are relative to its folder.
        origin: PathBuf,
    },
    /// One that was read before; it stays as it is when it is reloaded.
    Plan(Arc<Plan>),
}

impl Source {
    /// The text of a prometheus.yml, whose paths are relative to the working directory.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text {
            text: text.into(),
            origin: PathBuf::from("prometheus.yml"),
        }
    }

    /// Loads the plan. The trace is of what was read, also when it was wrong.
    ///
    /// Reads files; call it where blocking is allowed.
    pub(crate) fn load(&self, loader: &Loader) -> (Trace, Result<Plan, LoadErrors>) {
        match self {
            Self::BuiltIn => {
                let recorder = Recorder::default();
                let plan = loader.complete(default_config::config(), &recorder).map(Plan::from);
                (recorder.seen.into_inner(), plan)
            }
            Self::File(path) => load_file(loader, path),
            Self::Text { text, origin } => {
                let recorder = Recorder::default();
                let plan = loader.parse(text.as_bytes(), origin, &recorder).map(Plan::from);
                (recorder.seen.into_inner(), plan)
            }
            Self::Plan(plan) => (Trace::default(), Ok(Plan::clone(plan))),
        }
    }
}

fn load_file(loader: &Loader, path: &Path) -> (Trace, Result<Plan, LoadErrors>) {
    let recorder = Recorder::default();
    let plan = loader.examine_file(path, &recorder).config.map(Plan::from);
    (recorder.seen.into_inner(), plan)
}

/// This machine, with a note of what was looked at.
#[derive(Default)]
struct Recorder {
    seen: RefCell<Trace>,
}

impl Folders for Recorder {
    fn names(&self, folder: &Path) -> Vec<OsString> {
        let names = Machine.names(folder);
        self.seen.borrow_mut().note_names(folder, &names);
        names
    }

    fn exists(&self, path: &Path) -> bool {
        let exists = Machine.exists(path);
        self.seen.borrow_mut().note_exists(path, exists);
        exists
    }
}

impl Surroundings for Recorder {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let content = Machine.read(path, limit);
        self.seen.borrow_mut().note_file(path, limit, &content);
        content
    }

    fn variable(&self, name: &str) -> Option<String> {
        let value = Machine.variable(name);
        self.seen.borrow_mut().note_variable(name, value.as_deref());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms;
    use std::fs;

    #[test]
    fn the_fingerprint_covers_included_files_and_broken_ones() {
        let folder = tempfile::tempdir().expect("a folder");
        let main = folder.path().join("prometheus.yml");
        let included = folder.path().join("jobs-a.yml");
        fs::write(&main, "scrape_config_files: ['jobs-*.yml']").expect("written");
        fs::write(&included, "scrape_configs: [{job_name: a}]").expect("written");
        let (source, loader) = (Source::File(main.clone()), mechanisms::loader());

        let (first, plan) = source.load(&loader);
        assert_eq!(plan.expect("valid").jobs.len(), 1);
        assert_eq!(source.load(&loader).0, first);
        assert!(first.is_current());

        fs::write(&included, "scrape_configs: [{job_name: b}]").expect("written");
        assert!(!first.is_current());
        let (second, _) = source.load(&loader);
        assert_ne!(second.fingerprint(), first.fingerprint());

        fs::write(folder.path().join("jobs-b.yml"), "scrape_configs: [{job_name: b}]").expect("written");
        assert!(!second.is_current(), "a file that would be included now");
        let (third, plan) = source.load(&loader);
        assert_ne!(third.fingerprint(), second.fingerprint());
        assert!(plan.is_err(), "two jobs of one name");

        fs::write(folder.path().join("headcount.yml"), "jobs: {c: {}}").expect("written");
        let (beside, plan) = source.load(&loader);
        assert_ne!(beside.fingerprint(), third.fingerprint());
        let said = plan.expect_err("no such job").to_string();
        assert!(
            said.contains("headcount.yml:1:8: jobs.c: there is no job \"c\""),
            "{said}"
        );

        fs::remove_file(&main).expect("removed");
        let (fourth, plan) = source.load(&loader);
        assert_ne!(fourth.fingerprint(), beside.fingerprint());
        assert!(fourth.is_current(), "what is missing is still missing");
        assert!(plan.expect_err("unreadable").to_string().contains("can't be read"));
    }

    #[test]
    fn alertmanagers_have_the_peers_set_names() {
        let text = "alerting: {alertmanagers: [{static_configs: [{targets: ['a:9093']}]}, {}]}";
        let config = mechanisms::loader().parse(text.as_bytes(), "/p.yml".as_ref(), &headcount_config::Nowhere);
        let plan = Plan::from(config.expect("valid"));
        let names: Vec<_> = plan
            .alertmanagers
            .iter()
            .map(|(name, config)| (name.as_str(), config.sd.len()))
            .collect();
        assert_eq!(names, [("config-0", 1), ("config-1", 0)]);
    }
}
