//! `headcount check`: says what is wrong with configurations, a line a problem.
//!
//! Everything goes to standard output, as with other checkers, so that an editor can read it.
//! Warnings are said and are no error.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use headcount_config::{LoadErrors, Problem};
use headcount_discoverer::mechanism::SdConfig;
use headcount_service::{Checked, check as check_bytes, check_file, check_web_config};
use serde::Serialize;

use super::{input, origin, print_json};
use crate::cli::{CheckOptions, ReportFormat};
use crate::console;

pub(super) fn check(options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let workers = origin::workers()?;
    let (http, loader) = (&*workers.env().http, options.reading.loader());
    let mut all = Vec::new();
    for file in &options.files {
        let file = file.as_path();
        all.push(match input::is_stdin(file) {
            true => {
                let origin = input::origin(file);
                let checked = match input::stdin() {
                    Ok(bytes) => check_bytes(http, &loader, &bytes, origin),
                    Err(error) => Checked {
                        errors: LoadErrors::unreadable(origin, &error).problems,
                        ..Checked::default()
                    },
                };
                (origin, checked)
            }
            false => (file, check_file(http, &loader, file)),
        });
    }
    if let Some(file) = options.web_config.as_deref() {
        let errors = check_web_config(file).err();
        let (errors, omitted) = errors
            .map(|errors| (errors.problems, errors.omitted))
            .unwrap_or_default();
        let checked = Checked {
            files: vec![file.to_owned()],
            errors,
            omitted,
            ..Checked::default()
        };
        all.push((file, checked));
    }
    match options.output {
        ReportFormat::Table => console::print_painted(&text(&all), console::paint::check)?,
        ReportFormat::Json => print_json(&Report::of(&all))?,
    }
    let is_good = all.iter().all(|(_, checked)| checked.is_ok());
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(all: &[(&Path, Checked)]) -> String {
    let mut text = String::new();
    // Writing into memory does not fail.
    for (file, checked) in all {
        for error in &checked.errors {
            writeln!(text, "{error}").ok();
        }
        if checked.omitted > 0 {
            writeln!(text, "… and {} more", checked.omitted).ok();
        }
        for note in console::notes(&checked.warnings) {
            writeln!(text, "{note}").ok();
        }
        if checked.is_ok() && checked.plan.is_none() {
            writeln!(text, "{}: ok: a web configuration", file.display()).ok();
        }
        if let (true, Some(plan)) = (checked.is_ok(), &checked.plan) {
            let jobs = counted(plan.jobs.len(), "job");
            let alertmanagers = counted(plan.alertmanagers.len(), "Alertmanager config");
            let files = counted(checked.files.len(), "file");
            writeln!(text, "{}: ok: {jobs}, {alertmanagers}, {files}", file.display()).ok();
        }
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The JSON document, as `headcount check --help` describes it.
#[derive(Serialize)]
struct Report {
    ok: bool,
    errors: Vec<Entry>,
    omitted: usize,
    warnings: Vec<Entry>,
    configurations: Vec<Configuration>,
}

#[derive(Serialize)]
struct Entry {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    field: Option<String>,
    message: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Configuration {
    file: String,
    ok: bool,
    files: Vec<String>,
    jobs: Vec<Set>,
    alertmanagers: Vec<Set>,
}

/// How a job's or an Alertmanager's targets are discovered.
#[derive(Serialize)]
struct Set {
    name: String,
    /// The number of entries of each mechanism.
    mechanisms: BTreeMap<String, usize>,
}

impl Report {
    fn of(all: &[(&Path, Checked)]) -> Self {
        Self {
            ok: all.iter().all(|(_, checked)| checked.is_ok()),
            errors: all.iter().flat_map(|(_, checked)| &checked.errors).map(entry).collect(),
            omitted: all.iter().map(|(_, checked)| checked.omitted).sum(),
            warnings: all
                .iter()
                .flat_map(|(_, checked)| &checked.warnings)
                .map(entry)
                .collect(),
            configurations: all.iter().map(|(file, checked)| configuration(file, checked)).collect(),
        }
    }
}

fn entry(problem: &Problem) -> Entry {
    Entry {
        file: problem.file.display().to_string(),
        line: problem.position.map(|position| position.line),
        column: problem.position.map(|position| position.column),
        field: Some(problem.field.clone()).filter(|field| !field.is_empty()),
        message: problem.kind.to_string(),
        hint: problem.kind.hint(),
    }
}

fn configuration(file: &Path, checked: &Checked) -> Configuration {
    let set = |name: &str, configs: &[SdConfig]| {
        let mut mechanisms = BTreeMap::new();
        for config in configs {
            *mechanisms.entry(config.mechanism().to_owned()).or_default() += 1;
        }
        Set {
            name: name.to_owned(),
            mechanisms,
        }
    };
    let plan = checked.plan.as_ref();
    let jobs = plan.into_iter().flat_map(|plan| &plan.jobs);
    let alertmanagers = plan.into_iter().flat_map(|plan| &plan.alertmanagers);
    Configuration {
        file: file.display().to_string(),
        ok: checked.is_ok(),
        files: checked.files.iter().map(|file| file.display().to_string()).collect(),
        jobs: jobs.map(|job| set(&job.job_name, &job.sd)).collect(),
        alertmanagers: alertmanagers.map(|(name, config)| set(name, &config.sd)).collect(),
    }
}
