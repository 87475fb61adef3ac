//! How a running daemon fares, on one screen: its jobs, its providers, and what is wrong.
//!
//! * `report`: what was asked, put together. `text`: the screen.
//!
//! The one rule: **what is wrong comes first, and what is left out is counted.**

mod report;
#[cfg(test)]
mod tests;
mod text;

use anyhow::bail;

use crate::lookup::Api;

pub use report::Report;

/// What the providers are sorted by; those that are not well come first in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SortBy {
    /// How much of what they find changes: the noisiest first.
    #[default]
    Churn,
    /// How long ago they were read: the stalest first.
    Age,
    /// How long a refresh takes.
    Time,
    /// The memory that their groups take.
    Memory,
    /// How often they failed.
    Failures,
    /// How many targets they have.
    Targets,
    /// Their names.
    Name,
}

/// How the screen is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What providers are sorted by.
    pub sort_by: SortBy,
    /// Lines of each part of it; `None` for all.
    pub limit: Option<usize>,
}

/// Asks how a daemon fares.
///
/// # Errors
/// When there is none, or it is one that can't tell.
pub async fn status(api: &Api) -> anyhow::Result<Report> {
    if !api.remembers() {
        bail!("only a running daemon can be asked how it fares");
    }
    let runtime = api.runtime().await?;
    let pools = api.pools().await?;
    let providers = api.providers().await?;
    Ok(Report::new(runtime, pools, providers))
}
