//! Files that are kept up to date with what is discovered.

mod file_name;
mod file_sd;
mod folder;

pub(crate) use file_sd::{FileSd, Lists};
