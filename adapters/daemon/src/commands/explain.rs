//! `headcount explain`: what became of a host or target, from its group to its fate.

use std::process::ExitCode;

use headcount_questions::explain::{Verdict, Wanted, explain};

use super::{origin, print_json};
use crate::cli::{ExplainOptions, ReportFormat};
use crate::console;

pub(super) fn run(options: &ExplainOptions) -> anyhow::Result<ExitCode> {
    let wanted = Wanted::parse(&options.what)?;
    let workers = origin::workers()?;
    let report = origin::ask(&workers, &options.origin, async |api| {
        explain(api, &wanted, options.limit).await
    })?;
    match options.output {
        ReportFormat::Table => console::print_painted(&report.text(), console::paint::explain)?,
        ReportFormat::Json => print_json(&report)?,
    }
    // As `headcount explain --help` says.
    Ok(ExitCode::from(match report.verdict() {
        Verdict::Scraped => 0,
        Verdict::NotScraped => 1,
        Verdict::Nowhere => 3,
        Verdict::Uncertain => 4,
    }))
}
