//! `headcount refresh`: has a provider ask its backend now.

use std::process::ExitCode;

use headcount_questions::refresh::{Verdict, refresh};

use super::{origin, print_json};
use crate::cli::{RefreshOptions, ReportFormat};
use crate::console;

pub(super) fn run(options: &RefreshOptions) -> anyhow::Result<ExitCode> {
    let RefreshOptions {
        provider,
        manager,
        timeout,
        daemon,
    } = options;
    let workers = origin::workers()?;
    let report = workers.block_on(async {
        let api = origin::connect(&workers, &daemon.server).await?;
        refresh(&api, provider, manager.as_deref(), *timeout).await
    })?;
    match daemon.output {
        ReportFormat::Table => console::print(&report.text())?,
        ReportFormat::Json => print_json(&report)?,
    }
    Ok(match report.verdict() {
        Verdict::Well => ExitCode::SUCCESS,
        Verdict::Failing | Verdict::Late => ExitCode::FAILURE,
    })
}
