//! `headcount refresh`: has a provider ask its backend now.

use std::process::ExitCode;

use headcount_questions::refresh::{Verdict, refresh};

use headcount_service::Awaited;

use super::{origin, print_json};
use crate::cli::{RefreshOptions, ReportFormat};
use crate::console;
use crate::console::progress::Progress;

pub(super) fn run(options: &RefreshOptions) -> anyhow::Result<ExitCode> {
    let RefreshOptions {
        provider,
        manager,
        timeout,
        daemon,
    } = options;
    let workers = origin::workers()?;
    let awaited = Awaited::default();
    awaited.are([format!("{provider} of {}", origin::daemon(&daemon.server))]);
    let progress = Progress::of(&awaited);
    let report = workers.block_on(async {
        let api = origin::connect(&workers, &daemon.server).await?;
        refresh(&api, provider, manager.as_deref(), *timeout).await
    })?;
    drop(progress);
    match daemon.output {
        ReportFormat::Table => console::print(&report.text())?,
        ReportFormat::Json => print_json(&report)?,
    }
    Ok(match report.verdict() {
        Verdict::Well => ExitCode::SUCCESS,
        Verdict::Failing | Verdict::Late => ExitCode::FAILURE,
    })
}
