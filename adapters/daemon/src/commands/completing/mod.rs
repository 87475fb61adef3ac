//! What a shell asks while somebody types: which words may come next.
//!
//! `headcount completions SHELL` prints a script that asks this binary, with [`VARIABLE`] set, for what fits; so names of jobs
//! and providers are those of the daemon that is meant, or of the configuration that is named. clap_complete's engine knows the
//! commands and flags, and has the scripts of all shells but one (`bash`). It is marked as unstable, which costs nothing here:
//! a script and the binary that it asks come in one package, and a version that has it differently does not compile.
//!
//! **Nobody is kept waiting, and nothing is said that is not asked for**: who does not answer at once has no names to offer.
//! Names come from elsewhere, and what a shell puts into a command line is run by who presses enter. zsh, fish and elvish quote
//! what they put there; for bash that is done here, and PowerShell, which does not, is offered only what needs no quotes.
//! Names with something else in them than letters that are seen are offered to nobody.

mod bash;
mod names;

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::CommandFactory;
use clap_complete::env::Shells;

use crate::cli::Cli;

pub(crate) use names::{jobs, providers};

/// Where it is set, a shell asks; it is the shell's name.
const VARIABLE: &str = "HEADCOUNT_COMPLETE";

/// The shell that has a script of its own.
const BASH: &str = "bash";

/// Which word is to be completed, in the scripts of clap_complete's; without it, the last.
const PLACE: &str = "_CLAP_COMPLETE_INDEX";

/// What zsh needs to be told where it loads the script from a folder, at the first word that it is to complete.
const ZSH_AUTOLOADED: &str = r#"
if [[ $funcstack[1] == _headcount ]]; then
    _clap_dynamic_completer_headcount "$@"
fi
"#;

/// The command line before the word that is to be completed; the binary's name first.
static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();

/// The script for a shell.
pub(super) fn script(shell: &str) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    if shell == BASH {
        script.extend(bash::SCRIPT.as_bytes());
    } else if let Some(shell) = Shells::builtins().completer(shell) {
        shell.write_registration(VARIABLE, "headcount", "headcount", "headcount", &mut script)?;
        if shell.name() == "zsh" {
            script.extend(ZSH_AUTOLOADED.as_bytes());
        }
    }
    Ok(script)
}

/// Answers a shell, if one asks. A question that can't be understood has no answer: what is printed would stand in
/// somebody's command line.
pub(crate) fn answered() -> Option<ExitCode> {
    let shell = env::var(VARIABLE).ok().filter(|shell| !shell.is_empty())?;
    let asked: Vec<OsString> = env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let answer = answer(&shell, asked).unwrap_or_default();
    io::stdout().lock().write_all(&answer).ok();
    Some(ExitCode::SUCCESS)
}

fn answer(shell: &str, asked: Vec<OsString>) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let folder = env::current_dir().ok();
    if shell == BASH {
        let line = bash::Line::read(&asked.first().map(|line| line.to_string_lossy()).unwrap_or_default());
        let words: Vec<OsString> = line.words.iter().map(OsString::from).collect();
        let last = words.len().saturating_sub(1);
        before(&words, last);
        let found = clap_complete::engine::complete(&mut Cli::command(), words, last, folder.as_deref())?;
        let values = found.iter().filter_map(|candidate| candidate.get_value().to_str());
        answer.extend(line.completed(values.map(Cow::Borrowed)).as_bytes());
    } else if let Some(shell) = Shells::builtins().completer(shell) {
        let place = env::var(PLACE).ok().and_then(|place| place.parse().ok());
        before(&asked, place.unwrap_or(asked.len().saturating_sub(1)));
        shell.write_complete(&mut Cli::command(), asked, folder.as_deref(), &mut answer)?;
        if shell.name() == "powershell" {
            answer = unquoted(&answer);
        }
    }
    Ok(answer)
}

/// The lines of an answer whose values mean themselves in PowerShell.
fn unquoted(answer: &[u8]) -> Vec<u8> {
    let means_itself = |line: &&[u8]| {
        let value = line.split(|&byte| byte == b'\t').next().unwrap_or_default();
        value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./\\:+=".contains(byte))
    };
    let lines = answer.split_inclusive(|&byte| byte == b'\n').filter(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        means_itself(&line)
    });
    lines.flatten().copied().collect()
}

/// Takes note of the words before the one that is to be completed.
fn before(words: &[OsString], place: usize) {
    let before = words.get(..place).unwrap_or(words);
    WORDS.set(before.to_vec()).ok();
}
