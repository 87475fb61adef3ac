//! `headcount coverage`: which hosts of an inventory are scraped, which are not, and why.

use std::process::ExitCode;

use headcount_questions::coverage::{self, Inventory, Naming, Options};

use headcount_reader::without_credentials;
use headcount_service::Awaited;

use super::{TROUBLE, origin, print_json};
use crate::cli::{CoverageOptions, ReportFormat};
use crate::console;
use crate::console::progress::Progress;

pub(super) fn run(options: &CoverageOptions) -> anyhow::Result<ExitCode> {
    let naming = Naming {
        label: options.key.clone(),
        short_names: options.short_names,
    };
    let asked = Options {
        jobs: options.job.clone(),
        once: options.once,
    };
    let workers = origin::workers()?;
    let (format, field) = (options.format.map(Into::into), options.field.as_deref());
    // First, so that nobody is asked for the sake of one that can't be read.
    let awaited = Awaited::default();
    awaited.are([match options.inventory == "-" {
        true => "standard input".into(),
        false => without_credentials(&options.inventory),
    }]);
    let progress = Progress::of(&awaited);
    let inventory = workers.block_on(Inventory::read(&workers, &options.inventory, format, field, &naming))?;
    drop(progress);
    let report = origin::ask(&workers, &options.origin, async |api| {
        coverage::coverage(api, &asked, &inventory, &naming).await
    })?;
    match options.output {
        ReportFormat::Table => console::print(&report.text(options.limit))?,
        ReportFormat::Json => print_json(&report)?,
    }
    // As `headcount coverage --help` says.
    let mut failing = options.fail_on.iter().filter_map(|finding| finding.meant());
    Ok(match report.is_certain() {
        true => ExitCode::from(u8::from(failing.any(|finding| report.has(finding)))),
        false => ExitCode::from(TROUBLE),
    })
}
