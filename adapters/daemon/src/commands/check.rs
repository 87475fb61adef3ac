//! `headcount check`: says what is wrong with configurations, a line a problem.
//!
//! Everything goes to standard output, as with other checkers, so that an editor can read it.
//! Warnings are said and are no error.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use headcount_config::Config;

use crate::cli::CheckOptions;
use crate::console;

pub(super) fn check(options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    let mut is_good = true;
    let loader = options.unsupported.loader();
    for file in &options.files {
        match loader.load(file) {
            Ok(config) => describe(&mut text, file, &config),
            Err(errors) => {
                is_good = false;
                text.push_str(&errors.to_string());
                text.push('\n');
            }
        }
    }
    console::print(&text)?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(text: &mut String, file: &Path, config: &Config) {
    // Writing into memory does not fail.
    for warning in &config.warnings {
        writeln!(text, "{warning} (warning)").ok();
    }
    let file = file.display();
    let jobs = counted(config.scrape_configs.len(), "job");
    let alertmanagers = counted(config.alertmanagers.len(), "Alertmanager config");
    let files = counted(config.files.len(), "file");
    writeln!(text, "{file}: ok: {jobs}, {alertmanagers}, {files}").ok();
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
