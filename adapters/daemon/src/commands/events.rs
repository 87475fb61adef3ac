//! `headcount events`: what happened to targets and providers.

use std::process::ExitCode;

use headcount_questions::events::{Options, events};

use super::{origin, print_json};
use crate::cli::{EventsOptions, ReportFormat};
use crate::console;

pub(super) fn run(options: &EventsOptions) -> anyhow::Result<ExitCode> {
    let asked = Options {
        job: options.job.clone(),
        provider: options.provider.clone(),
        host: options.host.clone(),
        since: options.since.clone(),
        limit: options.limit,
    };
    let workers = origin::workers()?;
    let report = origin::ask_daemon(&workers, &options.server, async |api| events(api, &asked).await)?;
    match options.output {
        ReportFormat::Table => console::print(&report.text())?,
        ReportFormat::Json => print_json(&report)?,
    }
    Ok(ExitCode::SUCCESS)
}
