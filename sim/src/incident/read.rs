//! Reading a recording, and saying what is wrong with it.

use std::collections::BTreeSet;

use headcount_core::{RECORDING_FORMAT, Recorded, RecordedEvent, RecordedOptions};
use serde_json::Value;

use super::Incident;

/// Why a recording can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentError {
    /// There is nothing, or it begins with something else.
    #[error(
        "this is no recording: its first line should be `{{\"headcount_recording\":{RECORDING_FORMAT},…}}`; `headcount run --record FILE` writes one"
    )]
    NoRecording,
    /// Another version of headcount wrote it.
    #[error(
        "the recording has format {found}, this headcount reads format {RECORDING_FORMAT}; replay it with the headcount that wrote it"
    )]
    OtherFormat {
        /// The format that it says.
        found: u64,
    },
    /// A line can't be read, or makes no sense after those before it.
    #[error("line {line}: {reason}")]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Incident {
    /// Whether a text begins as a recording does.
    pub fn is_one(text: &str) -> bool {
        text.starts_with("{\"headcount_recording\":")
    }

    /// Reads a recording's text. A last line that was cut off is left out, and said
    /// ([`is_cut`](Self::is_cut)): who is killed leaves one behind.
    ///
    /// # Errors
    /// It is no recording, of another format, or damaged.
    pub fn read(text: &str) -> Result<Self, IncidentError> {
        let mut lines = text.lines().enumerate();
        let (_, first) = lines.next().ok_or(IncidentError::NoRecording)?;
        let options = options(first)?;
        let mut incident = Self {
            options,
            events: Vec::new(),
            is_cut: false,
        };
        let mut order = Order {
            at: incident.options.at,
            started: BTreeSet::new(),
        };
        let mut lines = lines.peekable();
        while let Some((place, line)) = lines.next() {
            let line_number = place + 1;
            let wrong = |reason: String| IncidentError::Line {
                line: line_number,
                reason,
            };
            match serde_json::from_str::<Recorded>(line) {
                Ok(recorded) => {
                    order.take(&recorded).map_err(wrong)?;
                    incident.events.push(recorded);
                }
                Err(_) if lines.peek().is_none() && !text.ends_with('\n') => incident.is_cut = true,
                Err(error) => return Err(wrong(format!("column {}: {}", error.column(), plain(&error)))),
            }
        }
        Ok(incident)
    }
}

/// The header first as any JSON: that of another format may have any form.
fn options(line: &str) -> Result<RecordedOptions, IncidentError> {
    let value: Value = serde_json::from_str(line).map_err(|_| IncidentError::NoRecording)?;
    let found = value.get("headcount_recording").and_then(Value::as_u64);
    let found = found.ok_or(IncidentError::NoRecording)?;
    if found != u64::from(RECORDING_FORMAT) {
        return Err(IncidentError::OtherFormat { found });
    }
    serde_json::from_str(line).map_err(|error| IncidentError::Line {
        line: 1,
        reason: format!("column {}: {}", error.column(), plain(&error)),
    })
}

/// The error without its place: the parser counts lines of what it is given, which is one.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = text.rfind(" at line ").unwrap_or(text.len());
    text[..place].to_owned()
}

/// What a line must fit to: time does not go back, and who is named was started.
struct Order {
    at: u64,
    started: BTreeSet<u64>,
}

impl Order {
    fn take(&mut self, recorded: &Recorded) -> Result<(), String> {
        // A snapshot stands after the inputs of its turn, and is as old as the first of them may be.
        let is_input = !matches!(recorded.what, RecordedEvent::Emitted { .. });
        if is_input && recorded.at < self.at {
            return Err(format!(
                "it is {} ns before what stands above it",
                self.at - recorded.at
            ));
        }
        self.at = self.at.max(recorded.at);
        let named = match &recorded.what {
            RecordedEvent::Apply { sets, started } => {
                self.started.extend(started.iter().map(|started| started.provider));
                sets.iter().flat_map(|(_, providers)| providers.clone()).collect()
            }
            RecordedEvent::Update { provider, .. }
            | RecordedEvent::Failure { provider, .. }
            | RecordedEvent::BuildFailure { provider, .. }
            | RecordedEvent::Confirm { provider } => vec![*provider],
            RecordedEvent::Options { .. }
            | RecordedEvent::Throttle { .. }
            | RecordedEvent::ReceiverReady
            | RecordedEvent::Timeout
            | RecordedEvent::Emitted { .. } => Vec::new(),
        };
        match named.into_iter().find(|provider| !self.started.contains(provider)) {
            Some(provider) => Err(format!("provider {provider} was never started")),
            None => Ok(()),
        }
    }
}
