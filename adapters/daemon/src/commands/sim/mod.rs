//! `headcount sim`: the core under virtual time.
//!
//! The simulator itself is `headcount-sim`, which prints nothing and knows no clock. What is
//! here reads the command line, measures the wall's time, and prints. **What differs from run to
//! run (wall time, memory) is printed apart from the result, on standard error.**

mod bench;
mod chosen;
mod cli;
mod ending;
mod explore;
mod incident;
mod inspect;
mod list;
mod logs;
mod output;
mod progress;
mod run;
mod swarm;
mod tool_options;
mod trace;
mod vary;
mod work;

use std::process::ExitCode;

use super::{json_text, print_json};
use crate::console;

use cli::Format;
pub(crate) use cli::{EXIT_CODES, SimCommand};

pub(super) fn sim(command: SimCommand) -> anyhow::Result<ExitCode> {
    match command {
        SimCommand::Run(options) => run::run(&options),
        SimCommand::Swarm(options) => swarm::swarm(&options),
        SimCommand::Replay(options) => logs::replay(&options),
        SimCommand::Explore(options) => explore::explore(&options),
        SimCommand::Shrink(options) => logs::shrink_log(&options),
        SimCommand::Explain(options) => inspect::explain_host(&options),
        SimCommand::Diff(options) => inspect::diff(&options),
        SimCommand::Bench(options) => bench::bench(&options),
        SimCommand::CompareAllocators {
            targets,
            members,
            seed,
            output,
        } => {
            let table = headcount_sim::compare_allocators(targets, members, seed);
            match output {
                Format::Table => print(&format!("{table}\n")),
                Format::Json => print(&json_text(&table)?),
            }
        }
        SimCommand::List { what } => print(&list::list(what)?),
        SimCommand::Schema => print(headcount_sim::SCHEMA),
        SimCommand::Show { scenario } => match chosen::find(&scenario) {
            Ok(found) => print(&found.text),
            Err(wrong) => ending::refused(&wrong),
        },
    }
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    console::print(text)?;
    Ok(ExitCode::SUCCESS)
}
