//! How a command of the simulator ends: its exit code, and the line that runs it again.

use std::path::Path;
use std::process::ExitCode;

use headcount_sim::{FailureClass, Outcome, Problems};

use super::chosen::{Chosen, Refused};
use crate::console;

/// The exit code for what makes no sense, as clap has it.
pub(super) const WRONG_USE: u8 = 2;

/// The exit code for two runs that should be equal and are not.
pub(super) const DIFFERENT: u8 = 6;

/// Says what is wrong with what was asked for.
pub(super) fn refused(wrong: &Refused) -> anyhow::Result<ExitCode> {
    console::complain(&wrong.to_string());
    Ok(match wrong {
        Refused::Unreadable { .. } => ExitCode::FAILURE,
        _ => ExitCode::from(WRONG_USE),
    })
}

/// Says what makes no sense about a scenario as it was to be run.
pub(super) fn senseless(name: &str, problems: Problems) -> anyhow::Result<ExitCode> {
    refused(&Refused::Senseless {
        name: name.to_owned(),
        problems,
    })
}

/// The exit code of a run: that of the first broken rule's class. What the scenario expects beyond the rules counts if none is.
pub(super) fn code(outcome: &Outcome) -> ExitCode {
    let classes = || outcome.violations.iter().map(|violation| violation.rule.class());
    let broken = classes().find(|class| *class != FailureClass::Expectation);
    broken.or(classes().next()).map_or(ExitCode::SUCCESS, code_of)
}

/// The exit code of a class of failures.
pub(super) fn code_of(class: FailureClass) -> ExitCode {
    ExitCode::from(match class {
        FailureClass::Correctness => 3,
        FailureClass::Liveness => 4,
        FailureClass::Expectation => 5,
        FailureClass::Panic => 7,
    })
}

/// The command that does the same run again, with what else is to be said.
pub(super) fn again(chosen: &Chosen, seed: u64, more: &str) -> String {
    format!("headcount sim run {} --seed {seed}{more}", choice(chosen))
}

/// The options that choose the same scenario.
pub(super) fn choice(chosen: &Chosen) -> String {
    let mut command = format!("--scenario {}", quoted(&chosen.asked.scenario));
    if let Some(hosts) = chosen.asked.hosts {
        command.push_str(&format!(" --hosts {hosts}"));
    }
    if let Some(until) = chosen.asked.until {
        command.push_str(&format!(" --until {until}"));
    }
    command
}

/// A file's name as one word of a shell.
pub(super) fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./+,:@%=".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("zone-loss"), "zone-loss");
        assert_eq!(quoted("my file.yml"), "'my file.yml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
