//! What happened in production, replayed: recordings that `headcount run --record` wrote.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use headcount_sim::{Incident, IncidentOutcome, ReplayError, Rule, Span, ThrottleSetting};

use super::cli::Format;
use super::tool_options::ReplayOptions;
use super::{ending, print_json};
use crate::console;

/// Replays a recording as it was, and under each throttle that is asked for.
pub(super) fn replay(options: &ReplayOptions, text: &str) -> anyhow::Result<ExitCode> {
    let path = &options.file;
    let incident = Incident::read(text).with_context(|| format!("reading {}", path.display()))?;
    let mut throttles = Vec::new();
    for variation in &options.vary {
        match variation.throttles() {
            Some(named) => throttles.extend(named),
            None => {
                console::complain("of a recording only the throttle can be varied: what was reported is what it is");
                return Ok(ExitCode::from(ending::WRONG_USE));
            }
        }
    }
    let first = if options.model {
        incident.check()
    } else {
        incident.replay()
    };
    let first = match first {
        Ok(outcome) => outcome,
        Err(error @ ReplayError::Model { .. }) => {
            console::complain(&error.to_string());
            return Ok(ending::code_of(Rule::Model.class()));
        }
        Err(error) => return Err(error).with_context(|| format!("replaying {}", path.display())),
    };
    console::print(&table(&incident, &first, throttles)?)?;
    if incident.is_cut {
        console::complain("the last line was cut off, and is left out");
    }
    let code = said(&first, options.model, path);
    let Some(host) = &options.host else { return Ok(code) };
    let story = incident.story(host, None);
    let story = story.with_context(|| format!("replaying {}", path.display()))?;
    console::print(&format!("\n{story}"))?;
    Ok(match (first.differs.is_some(), story.hops.is_empty()) {
        (false, true) => ExitCode::FAILURE,
        _ => code,
    })
}

/// The text of a file, if that is a recording.
pub(super) fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Incident::is_one(&text).then_some(text))
}

/// Tells how the receiver came to know a host of a recording.
pub(super) fn explain(
    path: &Path,
    text: &str,
    host: &str,
    until: Option<Span>,
    output: Format,
) -> anyhow::Result<ExitCode> {
    let incident = Incident::read(text).with_context(|| format!("reading {}", path.display()))?;
    let story = incident.story(host, until);
    let story = story.with_context(|| format!("replaying {}", path.display()))?;
    match output {
        Format::Table => console::print(&story.to_string())?,
        Format::Json => print_json(&story)?,
    }
    // As of a scenario that never had such a host.
    Ok(if story.hops.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn table(
    incident: &Incident,
    first: &IncidentOutcome,
    throttles: Vec<(String, ThrottleSetting)>,
) -> Result<String, ReplayError> {
    let mut replays = vec![("as recorded".to_owned(), first.clone())];
    for (name, throttle) in throttles {
        replays.push((name, incident.under(throttle)?));
    }
    Ok(incident.table(&replays))
}

fn said(first: &IncidentOutcome, with_model: bool, path: &Path) -> ExitCode {
    if let Some(differs) = &first.differs {
        console::complain(&differs.to_string());
        console::complain(&format!("again: headcount sim replay {}", ending::quoted_path(path)));
        return ExitCode::from(ending::DIFFERENT);
    }
    let model = if with_model {
        ", and the reference model agrees to all of it"
    } else {
        ""
    };
    console::complain(&format!(
        "the replay says what was recorded, snapshot by snapshot{model}"
    ));
    ExitCode::SUCCESS
}
