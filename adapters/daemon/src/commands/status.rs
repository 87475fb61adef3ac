//! `headcount status`: how a running daemon fares.

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::thread;

use headcount_questions::status::{Options, Report, status};

use super::{json_text, origin};
use crate::cli::{ReportFormat, StatusOptions};
use crate::console;

/// Puts the cursor at the top and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(super) fn run(options: &StatusOptions) -> anyhow::Result<ExitCode> {
    let workers = origin::workers()?;
    let ask = || origin::ask_daemon(&workers, &options.daemon.server, async |api| status(api).await);
    let Some(interval) = options.watch else {
        let report = ask()?;
        print(options, &report)?;
        return Ok(if report.is_well() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    };
    // One that is restarted is waited for: that is what somebody watches.
    let is_seen = stdout().is_terminal();
    loop {
        if is_seen {
            console::command(CLEAR)?;
        }
        match ask() {
            Ok(report) if !print(options, &report)? => return Ok(ExitCode::SUCCESS),
            Ok(_) => {}
            Err(error) => console::complain(&format!("headcount: {error:#}")),
        }
        thread::sleep(interval);
    }
}

/// Whether somebody reads what was printed.
fn print(options: &StatusOptions, report: &Report) -> anyhow::Result<bool> {
    let text = match options.daemon.output {
        ReportFormat::Table => {
            let options = Options {
                sort_by: options.sort.into(),
                limit: (!options.all).then_some(options.limit),
            };
            return console::print_painted_to_reader(&report.text(options), console::paint::status);
        }
        ReportFormat::Json => json_text(report)?,
    };
    console::print_to_reader(&text)
}
