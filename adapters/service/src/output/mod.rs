//! Files that are kept up to date with what is discovered.

mod file_name;
mod file_sd;
mod folder;
mod recording;

pub(crate) use file_sd::{FileSd, Lists};
pub use recording::RecordError;
pub(crate) use recording::Recording;
