//! `headcount diff`: what a reload from one configuration to another would do, before it is done.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use headcount_questions::diff::{Named, diff};
use headcount_service::Plan;

use super::{TROUBLE, input, origin, print_json};
use crate::cli::{DiffOptions, ReportFormat};
use crate::console;

pub(super) fn run(options: &DiffOptions) -> anyhow::Result<ExitCode> {
    let (old, new) = load(options)?;
    let workers = origin::workers()?;
    let names = [&options.old, &options.new].map(|file| input::origin(file).display().to_string());
    let [old, new] = [(&names[0], &old), (&names[1], &new)].map(|(name, plan)| Named { name, plan });
    let report = workers.block_on(diff(&workers, old, new, options.timeout))?;
    match options.output {
        ReportFormat::Table => console::print(&report.text(options.limit))?,
        ReportFormat::Json => print_json(&report)?,
    }
    // As `headcount diff --help` says.
    Ok(match report.is_certain() {
        true => ExitCode::from(u8::from(report.differs())),
        false => ExitCode::from(TROUBLE),
    })
}

/// Loads both, and says what is wrong with either, and then what is remarkable.
fn load(options: &DiffOptions) -> anyhow::Result<(Plan, Plan)> {
    if input::is_stdin(&options.old) && input::is_stdin(&options.new) {
        bail!("only one of both can be on standard input");
    }
    let load = |config: &Path, settings: &Option<PathBuf>| {
        let loader = options.unsupported.loader_with(settings.as_deref());
        input::load(&loader, config)
    };
    match (
        load(&options.old, &options.old_settings),
        load(&options.new, &options.settings),
    ) {
        (Ok(old), Ok(new)) => {
            for plan in [&old, &new] {
                origin::warn(plan);
            }
            Ok((old, new))
        }
        (old, new) => {
            let errors = [old.err(), new.err()].into_iter().flatten();
            let errors: Vec<_> = errors.map(|errors| errors.to_string()).collect();
            bail!("there is nothing to compare:\n{}", errors.join("\n"))
        }
    }
}
