//! `headcount mechanisms`: what this build discovers with.

use std::borrow::Cow;
use std::process::ExitCode;

use headcount_config::MECHANISMS;
use headcount_discoverer::mechanism::Registry;
use headcount_questions::table;
use serde::Serialize;

use super::json_text;
use crate::cli::ReportFormat;
use crate::console;

/// One mechanism, as it is printed.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    /// The field of a prometheus.yml in which it stands.
    field: &'a str,
    summary: &'a str,
    /// Whether Prometheus has it, too.
    prometheus: bool,
    metrics: Vec<&'a str>,
}

pub(super) fn mechanisms(format: ReportFormat) -> anyhow::Result<ExitCode> {
    let registry = headcount_backends::registry();
    let rows = rows(&registry);
    let text = match format {
        ReportFormat::Json => json_text(&rows)?,
        ReportFormat::Table => {
            let cells: Vec<_> = rows
                .iter()
                .map(|row| [row.name, row.field, row.summary].map(Cow::from))
                .collect();
            table(["MECHANISM", "FIELD", "WHAT IT DISCOVERS"], &cells)
        }
    };
    console::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn rows(registry: &Registry) -> Vec<Row<'_>> {
    let entries = registry.iter();
    let rows = entries.map(|entry| Row {
        name: entry.name(),
        field: entry.field(),
        summary: entry.summary(),
        prometheus: !entry.field().ends_with("_sd_configs") || MECHANISMS.contains(&entry.field()),
        metrics: entry.metrics().iter().map(|metric| metric.name).collect(),
    });
    rows.collect()
}
