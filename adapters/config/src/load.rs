//! From a file to a [`Config`]: the main file, then the files that it includes.

use std::path::{Path, PathBuf};

use crate::config::{self, Config, TopLevel};
use crate::problem::{LoadErrors, Problem, ProblemKind};
use crate::section::scrape::JobNames;
use crate::surroundings::{Machine, Nowhere, Surroundings, glob};
use crate::yaml::{Cursor, FILE_LIMIT, Sink, decode, read, render_redacted};

/// Loads a configuration and the files that it includes from this machine.
///
/// # Errors
/// Everything that is wrong with it, including files that can't be read.
pub fn load(path: &Path) -> Result<Config, LoadErrors> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match Machine.read(&absolute, FILE_LIMIT) {
        // Messages show the path as it was given.
        Ok(bytes) => assemble(&bytes, path, folder_of(&absolute), &Machine),
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
pub fn parse(bytes: &[u8], origin: &Path, surroundings: &dyn Surroundings) -> Result<Config, LoadErrors> {
    assemble(bytes, origin, folder_of(origin), surroundings)
}

/// Reads any bytes as a configuration without touching files or the environment. For fuzzing.
///
/// # Errors
/// Everything that is wrong with them.
pub fn parse_isolated(bytes: &[u8]) -> Result<Config, LoadErrors> {
    parse(bytes, Path::new("/prometheus.yml"), &Nowhere)
}

fn assemble(
    bytes: &[u8],
    origin: &Path,
    folder: PathBuf,
    surroundings: &dyn Surroundings,
) -> Result<Config, LoadErrors> {
    let mut found = Findings::default();
    let mut redacted = String::new();
    let sink = Sink::new(origin.into());
    let mut top = TopLevel::default();
    let mut names = JobNames::default();
    with_tree(bytes, &sink, |root| {
        top = config::read(root, &folder, surroundings, &mut names);
        redacted = render_redacted(Some(root.node()));
    });
    // Patterns are looked up before the main file's problems are sorted, since they can add to them.
    let mut included = Vec::new();
    for (index, (pattern, position)) in top.scrape_config_files.iter().enumerate() {
        match glob(surroundings, pattern) {
            Ok(paths) => included.extend(paths),
            Err(kind) => sink.problem(Some(*position), format!("scrape_config_files[{index}]"), kind),
        }
    }
    found.add(sink);

    for path in &included {
        let sink = Sink::new(path.as_path().into());
        match surroundings.read(path, FILE_LIMIT) {
            Ok(bytes) => {
                let mut scrape_configs = Vec::new();
                with_tree(&bytes, &sink, |root| {
                    scrape_configs = config::read_included(root, &top.global, &folder_of(path), &mut names);
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
        found.add(sink);
    }

    if !found.problems.is_empty() {
        return Err(LoadErrors {
            problems: found.problems,
            omitted: found.omitted,
        });
    }
    Ok(Config {
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
    })
}

/// What all files' sinks collected, file by file.
#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
    omitted: usize,
    warnings: Vec<Problem>,
}

impl Findings {
    fn add(&mut self, sink: Sink) {
        let (mut problems, omitted, mut warnings) = sink.finish();
        self.problems.append(&mut problems);
        self.omitted = self.omitted.saturating_add(omitted);
        self.warnings.append(&mut warnings);
    }
}

/// Reads a file's tree and hands its root over, unless the file is empty or no YAML.
fn with_tree(bytes: &[u8], sink: &Sink, visit: impl FnOnce(&Cursor<'_>)) {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(kind) => {
            sink.problem(None, "", kind);
            return;
        }
    };
    let Some(document) = read(&text, sink) else { return };
    if document.further.is_some() {
        sink.warning(document.further, "", ProblemKind::FurtherDocument);
    }
    if let Some(root) = &document.root {
        visit(&Cursor::root(root, sink));
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}
