//! Reading a log, and saying what is wrong with it and what could be read.

use serde::Deserialize;
use serde_json::Value;

use super::write::VERSION;
use super::{End, InputLog, Link};
use crate::{Input, Scenario};

/// Why a log can't be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is nothing, or it begins with something else.
    #[error(
        "this is no input log: its first line should be `{{\"headcount_inputs\": {VERSION}, …}}`; `headcount sim run --log FILE` writes one"
    )]
    NoLog,
    /// Another version of headcount wrote it.
    #[error("the log has version {found} of the format, this headcount reads version {VERSION}; run it with the headcount that wrote it{}", seed_of(*.seed))]
    OtherVersion {
        /// The version that it says.
        found: u64,
        /// The seed in its header, if there is one.
        seed: Option<u64>,
    },
    /// The log ends within its first line.
    #[error("the log was cut off in its first line, the header; nothing of it can be read")]
    CutHeader,
    /// The header says the version, and then something that can't be read.
    #[error("line 1, the log's header: {reason}")]
    Header {
        /// What is wrong.
        reason: String,
    },
    /// A line in the middle can't be read.
    #[error("line {line}: {reason}; {} before it could be read", inputs(.read))]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
        /// What could be read.
        read: Box<InputLog>,
    },
    /// The log ends before its end.
    #[error("the log was cut off after line {lines}: its last line should be `{{\"end\": …}}`; {} could be read", inputs(.read))]
    Cut {
        /// How many whole lines there are.
        lines: usize,
        /// What could be read.
        read: Box<InputLog>,
    },
    /// Lines are missing in the middle, or there are too many.
    #[error("the log says that it has {wanted} inputs, and there are {}", .read.inputs.len())]
    Count {
        /// How many there should be.
        wanted: u64,
        /// What could be read.
        read: Box<InputLog>,
    },
}

fn seed_of(seed: Option<u64>) -> String {
    seed.map_or(String::new(), |seed| format!(" (its seed is {seed})"))
}

fn inputs(read: &InputLog) -> String {
    match read.inputs.last() {
        None => "no input".to_owned(),
        Some(last) => format!("{} inputs, up to {}", read.inputs.len(), last.at),
    }
}

impl LogError {
    /// What could be read before the trouble, if anything.
    pub fn readable(&self) -> Option<&InputLog> {
        match self {
            Self::Line { read, .. } | Self::Cut { read, .. } | Self::Count { read, .. } => Some(read),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "headcount_inputs")]
    _version: u64,
    seed: u64,
    scenario: Scenario,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Input(Input),
    Link(Link),
    End(End),
}

impl InputLog {
    /// Reads a log's text.
    ///
    /// # Errors
    /// It is no log, of another version, damaged, or cut off. What could be read of it is in the
    /// error: [`LogError::readable`].
    pub fn read(text: &str) -> Result<Self, LogError> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or(LogError::NoLog)?;
        let mut log = header(first)?;
        let mut last = 1;
        for (place, line) in lines {
            last = place + 1;
            match serde_json::from_str(line) {
                Ok(Line::Input(input)) => {
                    if let Some(reason) = input.problem() {
                        let read = Box::new(log);
                        return Err(LogError::Line {
                            line: last,
                            reason,
                            read,
                        });
                    }
                    log.inputs.push(input);
                }
                Ok(Line::Link(link)) => log.links.push(link),
                Ok(Line::End(end)) => {
                    log.end = Some(end);
                    if end.inputs != log.inputs.len() as u64 {
                        return Err(LogError::Count {
                            wanted: end.inputs,
                            read: Box::new(log),
                        });
                    }
                    return Ok(log);
                }
                // What is wrong with half a line is that the other half is missing.
                Err(_) if !text.ends_with('\n') && text.lines().count() == last => {
                    return Err(LogError::Cut {
                        lines: last - 1,
                        read: Box::new(log),
                    });
                }
                Err(error) => {
                    return Err(LogError::Line {
                        line: last,
                        reason: reason(&error),
                        read: Box::new(log),
                    });
                }
            }
        }
        Err(LogError::Cut {
            lines: last,
            read: Box::new(log),
        })
    }
}

/// The header first as any JSON: that of another version may have any form.
fn header(line: &str) -> Result<InputLog, LogError> {
    let value: Value = serde_json::from_str(line).map_err(|_| match line.starts_with("{\"headcount_inputs\":") {
        true => LogError::CutHeader,
        false => LogError::NoLog,
    })?;
    let found = value.get("headcount_inputs").and_then(Value::as_u64);
    let found = found.ok_or(LogError::NoLog)?;
    if found != VERSION {
        return Err(LogError::OtherVersion {
            found,
            seed: value.get("seed").and_then(Value::as_u64),
        });
    }
    let header: Header = serde_json::from_str(line).map_err(|error| LogError::Header { reason: reason(&error) })?;
    header.scenario.check().map_err(|problems| LogError::Header {
        reason: problems.to_string(),
    })?;
    Ok(InputLog::new(header.scenario, header.seed, Vec::new()))
}

/// What is wrong, with the column only: the parser counts lines of what it is given, which is one.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => format!("column {}: {reason}", error.column()),
        None => text,
    }
}
