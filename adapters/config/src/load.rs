//! From a file to a [`Config`]: the main file, then the files that it includes.

use std::path::{Path, PathBuf};

use headcount_discoverer::mechanism::Registry;
use headcount_reader::{
    Cursor, FILE_LIMIT, Findings, LoadErrors, Machine, Mention, Nowhere, ProblemKind, Sink, Surroundings, decode,
    pattern, read,
};

use crate::config::{self, Config, TopLevel};
use crate::section::Reading;
use crate::section::scrape::JobNames;
use crate::section::sd::Mechanisms;

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
        }
    }

    /// Whether mechanisms that Prometheus has and the registry lacks are taken, with a warning. What they would
    /// find is missing then: each entry counts as a failed config (S11), and its job is never complete (B10).
    /// Otherwise they are errors.
    #[must_use]
    pub fn allow_unsupported(mut self, allow: bool) -> Self {
        self.mechanisms.allow_unsupported(allow);
        self
    }

    /// Loads a configuration and the files that it includes from this machine.
    ///
    /// # Errors
    /// Everything that is wrong with it, including files that can't be read.
    pub fn load(&self, path: &Path) -> Result<Config, LoadErrors> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match Machine.read(&absolute, FILE_LIMIT) {
            // Messages show the path as it was given.
            Ok(bytes) => self.assemble(&bytes, path, folder_of(&absolute), &Machine).config,
            Err(error) => Err(LoadErrors::unreadable(path, &error)),
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
        self.assemble(bytes, origin, folder_of(origin), surroundings)
    }

    /// Reads any bytes as a configuration without touching files or the environment. For fuzzing.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn parse_isolated(&self, bytes: &[u8]) -> Result<Config, LoadErrors> {
        self.parse(bytes, Path::new("/prometheus.yml"), &Nowhere)
    }

    fn assemble(&self, bytes: &[u8], origin: &Path, folder: PathBuf, surroundings: &dyn Surroundings) -> Examined {
        let mut found = Findings::default();
        let sink = Sink::new(origin.into());
        let mut top = TopLevel::default();
        let mut names = JobNames::default();
        let redacted = with_tree(bytes, &sink, |root| {
            top = config::read(root, self.reading(&folder), surroundings, &mut names);
        });
        // Patterns are looked up before the main file's problems are sorted, since they can add to them.
        let mut included = Vec::new();
        for (index, (text, position)) in top.scrape_config_files.iter().enumerate() {
            match pattern::glob(surroundings, text) {
                Ok(paths) => included.extend(paths),
                Err(error) => {
                    let kind = ProblemKind::Pattern {
                        pattern: text.clone(),
                        reason: error.to_string(),
                    };
                    sink.problem(Some(*position), format!("scrape_config_files[{index}]"), kind);
                }
            }
        }
        add(&mut found, sink);

        for path in &included {
            let sink = Sink::new(path.as_path().into());
            match surroundings.read(path, FILE_LIMIT) {
                Ok(bytes) => {
                    let mut scrape_configs = Vec::new();
                    with_tree(&bytes, &sink, |root| {
                        let folder = folder_of(path);
                        scrape_configs = config::read_included(root, &top.global, self.reading(&folder), &mut names);
                    });
                    top.scrape_configs.append(&mut scrape_configs);
                }
                Err(error) => sink.problem(
                    None,
                    "",
                    ProblemKind::Unreadable {
                        reason: error.to_string(),
                    },
                ),
            }
            add(&mut found, sink);
        }

        let mentions = found.mentions;
        if !found.problems.is_empty() {
            let config = Err(LoadErrors {
                problems: found.problems,
                omitted: found.omitted,
            });
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
            files: std::iter::once(origin.to_owned()).chain(included).collect(),
            warnings: found.warnings,
            redacted,
        });
        Examined { config, mentions }
    }

    fn reading<'a>(&'a self, folder: &'a Path) -> Reading<'a> {
        Reading {
            folder,
            mechanisms: &self.mechanisms,
        }
    }
}

/// Adds what was found in another file.
fn add(found: &mut Findings, sink: Sink) {
    let mut other = sink.finish();
    found.problems.append(&mut other.problems);
    found.omitted = found.omitted.saturating_add(other.omitted);
    found.warnings.append(&mut other.warnings);
    found.mentions.append(&mut other.mentions);
}

/// Reads a file's tree and hands its top over, unless the file is empty or no YAML. Gives the tree without its
/// secrets.
pub(crate) fn with_tree(bytes: &[u8], sink: &Sink, visit: impl FnOnce(&Cursor<'_>)) -> String {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(kind) => {
            sink.problem(None, "", kind);
            return String::new();
        }
    };
    let Some(document) = read(&text, sink) else {
        return String::new();
    };
    if document.further.is_some() {
        sink.warning(document.further, "", ProblemKind::FurtherDocument);
    }
    match document.root(sink) {
        Some(root) => {
            visit(&root);
            document.redacted()
        }
        None => String::new(),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}
