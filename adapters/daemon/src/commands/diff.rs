//! `headcount diff`: what a reload from one configuration to another would do, before it is done.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use headcount_config::LoadErrors;
use headcount_questions::diff::{Named, diff, running};
use headcount_reader::without_credentials;
use headcount_service::{Awaited, Plan, Workers};

use super::{TROUBLE, input, origin, print_json};
use crate::cli::{DiffOptions, ReportFormat};
use crate::console;
use crate::console::progress::Progress;

pub(super) fn run(options: &DiffOptions) -> anyhow::Result<ExitCode> {
    let workers = origin::workers()?;
    let (old, new) = match (&options.server.url, options.files.as_slice()) {
        (None, [old, new]) => both(options, old, new)?,
        (Some(url), [new]) => with_running(&workers, options, url, new)?,
        (None, _) => bail!("name the configuration that runs and the one that is to run, or a daemon by --url"),
        (Some(_), _) => bail!("with --url only the configuration that is to run is named: the other one runs"),
    };
    let [named_old, named_new] = [&old, &new].map(|(name, plan)| Named { name, plan });
    let awaited = Awaited::default();
    let progress = Progress::of(&awaited);
    let report = workers.block_on(diff(&workers, named_old, named_new, options.timeout, &awaited))?;
    drop(progress);
    match options.output {
        ReportFormat::Table => console::print_painted(&report.text(options.limit), console::paint::diff)?,
        ReportFormat::Json => print_json(&report)?,
    }
    // As `headcount diff --help` says.
    Ok(match report.is_certain() {
        true => ExitCode::from(u8::from(report.differs())),
        false => ExitCode::from(TROUBLE),
    })
}

type Called = (String, Plan);

/// What a daemon runs, and the new one.
fn with_running(workers: &Workers, options: &DiffOptions, url: &str, new: &Path) -> anyhow::Result<(Called, Called)> {
    let plan = load(options, new, options.settings.as_deref());
    let plan = plan.map_err(|errors| anyhow!("there is nothing to compare:\n{errors}"))?;
    origin::warn(&plan);
    let loader = options.taken.loader_with(None);
    let old = origin::ask_daemon(workers, &options.server, async |api| {
        running(api, loader, input::origin(new), &plan).await
    })?;
    Ok(((without_credentials(url).into_owned(), old), called(new, plan)))
}

/// Loads both, and says what is wrong with either, and then what is remarkable.
fn both(options: &DiffOptions, old: &Path, new: &Path) -> anyhow::Result<(Called, Called)> {
    if input::is_stdin(old) && input::is_stdin(new) {
        bail!("only one of both can be on standard input");
    }
    match (
        load(options, old, options.old_settings.as_deref()),
        load(options, new, options.settings.as_deref()),
    ) {
        (Ok(old_plan), Ok(new_plan)) => {
            origin::warn_of([&old_plan, &new_plan]);
            Ok((called(old, old_plan), called(new, new_plan)))
        }
        (old, new) => {
            let errors = [old.err(), new.err()].into_iter().flatten();
            let errors: Vec<_> = errors.map(|errors| errors.to_string()).collect();
            bail!("there is nothing to compare:\n{}", errors.join("\n"))
        }
    }
}

fn load(options: &DiffOptions, config: &Path, settings: Option<&Path>) -> Result<Plan, LoadErrors> {
    input::load(&options.taken.loader_with(settings), config)
}

fn called(file: &Path, plan: Plan) -> Called {
    (input::origin(file).display().to_string(), plan)
}
