//! When targets are scraped.
//!
//! **Each target has its place in its interval, and is scraped there once an interval.** The place
//! follows from the target's identity and a seed, as Prometheus's does, so load is spread evenly, and
//! two servers with different seeds scrape a target at different times. It is a place on the wall
//! clock: a restart does not move it.
//!
//! * [`ScrapePace`]: a target's interval and timeout.
//! * [`Schedule`]: targets come and go; scrapes that are due come out.
//! * [`ScrapeResult`], [`LastScrape`], [`ScrapeStatus`]: what came of them.
//!
//! Nothing is scraped here: who drives a schedule does that, and says when it is done.

mod pace;
mod report;
mod schedule;
#[cfg(test)]
mod tests;

pub use pace::ScrapePace;
pub use report::{LastScrape, ScheduleCounts, ScrapeResult, ScrapeStatus};
pub use schedule::{Schedule, ScheduleOptions, Scrape};
