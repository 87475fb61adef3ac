//! The scenario that a command names, with what it changes about it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use headcount_sim::{Mistakes, Problems, Scenario, Shipped, Unwritable, drawn_seed, drawn_world, nearest};

use super::cli::Choice;

/// A scenario's text: of a file, or one that comes with headcount.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) text: String,
    pub(super) scenario: Scenario,
}

/// The scenario of a run.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// What was asked for.
    pub(super) asked: Choice,
    /// That, as a scenario.
    pub(super) scenario: Scenario,
}

/// Why there is no scenario to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// No scenario has this name.
    #[error("headcount: {0}")]
    Unknown(String),
    /// The file can't be read.
    #[error("headcount: reading {path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// What was drawn can't be written.
    #[error("headcount: {name}: {source}")]
    Unwritable { name: String, source: Unwritable },
    /// The file's text is no scenario: a line for each mistake.
    #[error("{}", prefixed(name, mistakes))]
    Misread { name: String, mistakes: Mistakes },
    /// With what the command line changes, it makes no sense.
    #[error("headcount: with what the command line changes, {name} makes no sense: {problems}")]
    Senseless { name: String, problems: Problems },
}

/// Finds the scenario that a command names, and changes about it what the command says.
pub(crate) fn choose(choice: &Choice) -> Result<Chosen, Refused> {
    let mut scenario = find(&choice.scenario)?.scenario;
    if let Some(hosts) = choice.hosts {
        scenario = scenario.with_hosts(hosts);
    }
    if let Some(until) = choice.until {
        scenario = scenario.until(until);
    }
    scenario.check().map_err(|problems| Refused::Senseless {
        name: choice.scenario.clone(),
        problems,
    })?;
    Ok(Chosen {
        asked: choice.clone(),
        scenario,
    })
}

/// What looks like a file is one; all else is a name, of one that comes with headcount or of one that a seed draws.
pub(super) fn find(asked: &str) -> Result<Found, Refused> {
    let path = Path::new(asked);
    let is_file = path.extension().is_some() || path.components().count() > 1;
    let text = if is_file {
        fs::read_to_string(path).map_err(|source| Refused::Unreadable {
            path: path.to_owned(),
            source,
        })?
    } else if let Some(seed) = drawn_seed(asked) {
        drawn_world(seed).to_yaml().map_err(|source| Refused::Unwritable {
            name: asked.to_owned(),
            source,
        })?
    } else {
        Shipped::named(asked).ok_or_else(|| unknown(asked))?.text.to_owned()
    };
    match Scenario::from_yaml(&text) {
        Ok(scenario) => Ok(Found { text, scenario }),
        Err(mistakes) => Err(Refused::Misread {
            name: asked.to_owned(),
            mistakes,
        }),
    }
}

fn unknown(asked: &str) -> Refused {
    let names = headcount_sim::shipped().iter().map(|shipped| shipped.name);
    let hint = nearest(asked, names).map_or_else(
        || "`headcount sim list` shows what there is; a file's name ends in .yml".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    Refused::Unknown(format!("there is no scenario `{asked}`; {hint}"))
}

fn prefixed(name: &str, mistakes: &Mistakes) -> String {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("{name}:{mistake}")).collect();
    lines.join("\n")
}
