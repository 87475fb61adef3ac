//! `headcount guard`: the drops that are held, and an operator's word that they are true.

use std::process::ExitCode;

use headcount_questions::guard::{Which, confirm, holds};

use super::{origin, print_json};
use crate::cli::{GuardCommand, ReportFormat};
use crate::console;

pub(super) fn run(command: &GuardCommand) -> anyhow::Result<ExitCode> {
    match command {
        GuardCommand::List { daemon } => {
            let workers = origin::workers()?;
            let held = origin::ask_daemon(&workers, &daemon.server, async |api| holds(api).await)?;
            match daemon.output {
                ReportFormat::Table => console::print(&held.text())?,
                ReportFormat::Json => print_json(&held)?,
            }
            Ok(if held.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        GuardCommand::Confirm { provider, all, daemon } => {
            let which = match (provider, all) {
                (Some(provider), _) => Which::Provider(provider.clone()),
                (None, true) => Which::All,
                (None, false) => Which::Only,
            };
            let workers = origin::workers()?;
            let confirmed = origin::ask_daemon(&workers, &daemon.server, async |api| confirm(api, &which).await)?;
            match daemon.output {
                ReportFormat::Table => console::print(&confirmed.text())?,
                ReportFormat::Json => print_json(&confirmed)?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
