//! A log as text.

use core::fmt;

use serde::Serialize;

use super::{End, InputLog, Link};
use crate::{Input, Scenario};

/// The version of the format that this build reads and writes.
pub(super) const VERSION: u64 = 1;

#[derive(Serialize)]
struct Header<'a> {
    headcount_inputs: u64,
    seed: u64,
    scenario: &'a Scenario,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Input(&'a Input),
    Link(&'a Link),
    End(&'a End),
}

impl fmt::Display for InputLog {
    /// The file's text. A link stands behind the inputs that had taken effect by then.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = Header {
            headcount_inputs: VERSION,
            seed: self.seed,
            scenario: &self.scenario,
        };
        line(f, &header)?;
        let mut links = self.links.iter().peekable();
        for input in &self.inputs {
            while let Some(link) = links.next_if(|link| link.at < input.at) {
                line(f, &Line::Link(link))?;
            }
            line(f, &Line::Input(input))?;
        }
        for link in links {
            line(f, &Line::Link(link))?;
        }
        match &self.end {
            Some(end) => line(f, &Line::End(end)),
            None => Ok(()),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, value: &impl Serialize) -> fmt::Result {
    let text = serde_json::to_string(value).map_err(|_| fmt::Error)?;
    writeln!(f, "{text}")
}
