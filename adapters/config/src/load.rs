//! From a file to a [`Config`]: the main file, then the files that it includes, then headcount's own beside it.

use std::path::{Path, PathBuf};

use headcount_core::planted;
use headcount_discoverer::mechanism::Registry;
use headcount_reader::{
    Cursor, FILE_LIMIT, Findings, LoadErrors, Machine, Mention, Nowhere, Problem, ProblemKind, ShownYaml, Sink,
    Surroundings, Variables, decode, pattern, read,
};

use crate::Dialect;
use crate::config::{self, Config, TopLevel};
use crate::section::Reading;
use crate::section::global::Global;
use crate::section::scrape::{JobNames, ScrapeConfig};
use crate::section::sd::Mechanisms;
use crate::settings::{self, SETTINGS_FILE, Settings};

/// Loads configurations over a registry of mechanisms.
///
/// ```
/// use headcount_config::{Loader, Nowhere};
///
/// let loader = Loader::new(headcount_backends::registry());
/// let text = "scrape_configs: [{job_name: a, cmdb_sd_configs: [{url: 'http://cmdb/'}]}]";
/// let errors = loader.parse(text.as_bytes(), "prometheus.yml".as_ref(), &Nowhere).unwrap_err();
/// assert!(errors.to_string().contains("unknown field `cmdb_sd_configs`"));
/// ```
#[derive(Debug, Clone)]
pub struct Loader {
    mechanisms: Mechanisms,
    /// The file with headcount's own settings, if it was named.
    settings: Option<PathBuf>,
    dialect: Dialect,
}

/// A configuration that was read, and what it names outside of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// The configuration, or everything that is wrong with it.
    pub config: Result<Config, LoadErrors>,
    /// What it names, as far as it could be read: files and HTTP clients. Nobody has looked at any.
    pub mentions: Vec<Mention>,
}

impl Loader {
    /// A loader that knows the mechanisms of `registry`, and that Prometheus has others.
    pub fn new(registry: Registry) -> Self {
        Self {
            mechanisms: Mechanisms::new(registry),
            settings: None,
            dialect: Dialect::default(),
        }
    }

    /// The same without a mechanism, as if the registry lacked it.
    #[must_use]
    pub fn without(self, mechanism: &str) -> Self {
        Self {
            mechanisms: self.mechanisms.without(mechanism),
            ..self
        }
    }

    /// Reads headcount's own settings from this file, which has to be there. Without this, they are those of the
    /// [`headcount.yml`](SETTINGS_FILE) beside a configuration that is read from a file, if there is one; text in memory
    /// has none beside it.
    #[must_use]
    pub fn settings(mut self, file: impl Into<PathBuf>) -> Self {
        self.settings = Some(file.into());
        self
    }

    /// Whether mechanisms that Prometheus has and the registry lacks are taken, with a warning. What they would
    /// find is missing then: each entry counts as a failed config (S11), and its job is never complete (B10).
    /// Otherwise they are errors.
    #[must_use]
    pub fn allow_unsupported(mut self, allow: bool) -> Self {
        self.mechanisms.allow_unsupported(allow);
        self
    }

    /// Whose configurations these are; Prometheus's unless said otherwise.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    pub(crate) fn own_dialect(&self) -> Dialect {
        self.dialect
    }

    /// Loads a configuration, the files that it includes, and headcount's own settings from this machine.
    ///
    /// # Errors
    /// Everything that is wrong with it, including files that can't be read.
    pub fn load(&self, path: &Path) -> Result<Config, LoadErrors> {
        self.examine_file(path, &Machine).config
    }

    /// The same in any surroundings, with what the configuration names outside of itself.
    pub fn examine_file(&self, path: &Path, surroundings: &dyn Surroundings) -> Examined {
        match surroundings.read(path, FILE_LIMIT) {
            Ok(bytes) => {
                let settings = self
                    .settings
                    .clone()
                    .or_else(|| planted!(beside(path, surroundings), SettingsBesideAreIgnored, None));
                self.assemble(&bytes, path, settings, surroundings)
            }
            Err(error) => Examined {
                config: Err(LoadErrors::unreadable(path, &error)),
                mentions: Vec::new(),
            },
        }
    }

    /// Reads a configuration that is already in memory.
    ///
    /// `origin` is the file that it stands for: messages name it, and paths are relative to its
    /// folder. Included files and environment variables come from `surroundings`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self, bytes: &[u8], origin: &Path, surroundings: &dyn Surroundings) -> Result<Config, LoadErrors> {
        self.examine(bytes, origin, surroundings).config
    }

    /// The same, with what the configuration names outside of itself, for whoever looks whether that is there.
    pub fn examine(&self, bytes: &[u8], origin: &Path, surroundings: &dyn Surroundings) -> Examined {
        self.assemble(bytes, origin, self.settings.clone(), surroundings)
    }

    /// Reads any bytes as a configuration without touching files or the environment. For fuzzing.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn parse_isolated(&self, bytes: &[u8]) -> Result<Config, LoadErrors> {
        self.parse(bytes, Path::new("/prometheus.yml"), &Nowhere)
    }

    /// Adds what the settings say to a configuration that was made and not read, if their
    /// [file](Self::settings) was named.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn complete(&self, config: Config, surroundings: &dyn Surroundings) -> Result<Config, LoadErrors> {
        let Some(path) = self.settings.clone() else {
            return Ok(config);
        };
        let mut assembly = Assembly::new(self, surroundings, JobNames::of(&config.scrape_configs));
        let (settings, mut jobs) = assembly.settings(&path, &config.global);
        let mut found = assembly.found;
        if !found.problems.is_empty() {
            return Err(errors(found));
        }
        let mut config = Config { settings, ..config };
        config.scrape_configs.append(&mut jobs);
        config.files.push(path);
        config.warnings.append(&mut found.warnings);
        Ok(config)
    }

    fn assemble(
        &self,
        bytes: &[u8],
        origin: &Path,
        settings: Option<PathBuf>,
        surroundings: &dyn Surroundings,
    ) -> Examined {
        let mut assembly = Assembly::new(self, surroundings, JobNames::default());
        let (mut top, included, redacted) = assembly.main(bytes, origin);
        for path in &included {
            let mut jobs = assembly.included(path, &top.global);
            top.scrape_configs.append(&mut jobs);
        }
        let own = settings.as_deref().map(|path| assembly.settings(path, &top.global));
        let (own, mut jobs) = own.unwrap_or_default();
        top.scrape_configs.append(&mut jobs);

        let mut found = assembly.found;
        let mentions = std::mem::take(&mut found.mentions);
        if !found.problems.is_empty() {
            let config = Err(errors(found));
            return Examined { config, mentions };
        }
        let config = Ok(Config {
            global: top.global,
            scrape_configs: top.scrape_configs,
            alert_relabel_configs: top.alert_relabel_configs,
            alertmanagers: top.alertmanagers,
            scrape_config_files: top
                .scrape_config_files
                .into_iter()
                .map(|(pattern, _)| pattern)
                .collect(),
            settings: own,
            files: std::iter::once(origin.to_owned())
                .chain(included)
                .chain(settings)
                .collect(),
            warnings: found.warnings,
            redacted,
        });
        Examined { config, mentions }
    }
}

/// A configuration that is being read, file by file.
struct Assembly<'a> {
    loader: &'a Loader,
    surroundings: &'a dyn Surroundings,
    names: JobNames,
    /// What was found in all files so far.
    found: Findings,
}

impl<'a> Assembly<'a> {
    fn new(loader: &'a Loader, surroundings: &'a dyn Surroundings, names: JobNames) -> Self {
        Self {
            loader,
            surroundings,
            names,
            found: Findings::default(),
        }
    }

    /// The main file's content, the files that it includes, and how it is shown.
    fn main(&mut self, bytes: &[u8], origin: &Path) -> (TopLevel, Vec<PathBuf>, ShownYaml) {
        let sink = Sink::new(origin.into());
        let mut top = TopLevel::default();
        let (folder, called) = (folder_of(origin), called(origin));
        self.put_in(&sink, bytes);
        let redacted = self.visit(bytes, &sink, |assembly, root| {
            let reading = assembly.reading(&folder, called, true);
            top = config::read(root, reading, assembly.surroundings, &mut assembly.names);
        });
        // Patterns are looked up before the main file's problems are sorted, since they can add to them.
        let mut included = Vec::new();
        for (index, (text, position)) in top.scrape_config_files.iter().enumerate() {
            match pattern::glob(self.surroundings, text) {
                Ok(paths) => included.extend(paths),
                Err(error) => {
                    self.names.note_unread();
                    let kind = ProblemKind::Pattern {
                        pattern: text.clone(),
                        reason: error.to_string(),
                    };
                    sink.problem(Some(*position), format!("scrape_config_files[{index}]"), kind);
                }
            }
        }
        self.add(sink.finish());
        (top, included, redacted)
    }

    /// The jobs of a file that is included.
    fn included(&mut self, path: &Path, global: &Global) -> Vec<ScrapeConfig> {
        let sink = Sink::new(path.into());
        let mut jobs = Vec::new();
        let folder = planted!(folder_of(path), IncludedJobsAreFromMain, PathBuf::new());
        let called = called(path);
        self.visit_file(path, &sink, true, |assembly, root| {
            let reading = assembly.reading(&folder, called, true);
            jobs = config::read_included(root, global, reading, &mut assembly.names);
        });
        self.add(sink.finish());
        jobs
    }

    /// Headcount's own settings, and the jobs that stand there.
    fn settings(&mut self, path: &Path, global: &Global) -> (Settings, Vec<ScrapeConfig>) {
        let sink = Sink::new(path.into());
        let (mut settings, mut jobs) = (Settings::default(), Vec::new());
        let (folder, called) = (folder_of(path), called(path));
        let redacted = self.visit_file(path, &sink, false, |assembly, root| {
            let reading = assembly.reading(&folder, called, false);
            (settings, jobs) = settings::read(root, global, reading, &mut assembly.names);
        });
        let mut found = sink.finish();
        refuse_further_document(&mut found);
        self.add(found);
        settings.file = Some(path.to_owned());
        settings.redacted = redacted;
        (settings, jobs)
    }

    /// Has environment variables put into the values of a file that is not headcount's own, if its readers do so.
    fn put_in(&self, sink: &Sink, bytes: &[u8]) {
        if self.loader.dialect.is_vmagent() {
            // What is no text is reported by who reads it.
            let text = decode(bytes).unwrap_or_default();
            sink.put_in(Variables::of(&text, |name| self.surroundings.variable(name)));
        }
    }

    /// Reads a file and hands its tree over; see [`visit`](Self::visit). `is_shared`: it is not headcount's own.
    fn visit_file(
        &mut self,
        path: &Path,
        sink: &Sink,
        is_shared: bool,
        visit: impl FnOnce(&mut Self, &Cursor<'_>),
    ) -> ShownYaml {
        match self.surroundings.read(path, FILE_LIMIT) {
            Ok(bytes) => {
                if is_shared {
                    self.put_in(sink, &bytes);
                }
                self.visit(&bytes, sink, visit)
            }
            Err(error) => {
                let reason = error.to_string();
                planted!(
                    sink.problem(None, "", ProblemKind::Unreadable { reason }),
                    UnreadIncludeIsEmpty,
                    drop(reason)
                );
                self.names.note_unread();
                ShownYaml::default()
            }
        }
    }

    /// Hands a tree over, and gives how it is shown. What is no YAML may hide jobs.
    fn visit(&mut self, bytes: &[u8], sink: &Sink, visit: impl FnOnce(&mut Self, &Cursor<'_>)) -> ShownYaml {
        let shown = with_tree(bytes, sink, |root| visit(self, root));
        shown.unwrap_or_else(|| {
            self.names.note_unread();
            ShownYaml::default()
        })
    }

    fn reading<'f>(&self, folder: &'f Path, called: &'f Path, is_shared: bool) -> Reading<'f>
    where
        'a: 'f,
    {
        Reading {
            folder,
            called,
            mechanisms: &self.loader.mechanisms,
            is_shared,
            dialect: self.loader.dialect,
        }
    }

    /// Adds what was found in one more file.
    fn add(&mut self, mut other: Findings) {
        let found = &mut self.found;
        found.problems.append(&mut other.problems);
        found.omitted = found.omitted.saturating_add(other.omitted);
        found.warnings.append(&mut other.warnings);
        found.mentions.append(&mut other.mentions);
    }
}

fn errors(found: Findings) -> LoadErrors {
    LoadErrors {
        problems: found.problems,
        omitted: found.omitted,
    }
}

/// Prometheus ignores further documents of a file, and so does who reads its files; what is in headcount's own counts, or
/// is refused.
fn refuse_further_document(found: &mut Findings) {
    let (further, warnings) = std::mem::take(&mut found.warnings)
        .into_iter()
        .partition(|warning| warning.kind == ProblemKind::FurtherDocument);
    found.warnings = warnings;
    let refused = |warning: Problem| Problem {
        kind: ProblemKind::Rule("a second YAML document begins here; put all of it into one"),
        ..warning
    };
    let further: Vec<Problem> = further;
    found.problems.extend(further.into_iter().map(refused));
}

/// The settings beside a configuration, if they are there. One that is called like them has none.
fn beside(config: &Path, surroundings: &dyn Surroundings) -> Option<PathBuf> {
    let path = config.with_file_name(SETTINGS_FILE);
    (path != config && surroundings.exists(&path)).then_some(path)
}

/// Reads a file's tree and hands its top over, unless the file is empty. Gives how it is shown; `None` when it is no YAML.
pub(crate) fn with_tree(bytes: &[u8], sink: &Sink, visit: impl FnOnce(&Cursor<'_>)) -> Option<ShownYaml> {
    let text = decode(bytes).map_err(|kind| sink.problem(None, "", kind)).ok()?;
    let document = read(&text, sink)?;
    if document.further.is_some() {
        sink.warning(document.further, "", ProblemKind::FurtherDocument);
    }
    let root = document.root(sink);
    Some(root.map_or_else(ShownYaml::default, |root| {
        visit(&root);
        ShownYaml::of(text)
    }))
}

/// The folder of a file, as the file is called.
fn called(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}
