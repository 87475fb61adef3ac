//! The sections of `prometheus.yml` that are headcount's, one module each, and those of others in `other`.
//!
//! Each reads its fields from a [`Fields`](headcount_reader::Fields), reports what is wrong and goes on
//! with the default, so that one run finds everything. The result counts only when nothing was
//! reported.

use std::path::Path;

use crate::Dialect;
use sd::Mechanisms;

pub(crate) mod alertmanager;
pub(crate) mod global;
pub(crate) mod naming;
pub(crate) mod other;
pub(crate) mod protocol;
pub(crate) mod relabel;
pub(crate) mod scrape;
pub(crate) mod sd;
pub(crate) mod vmagent;

/// What every section of one file is read with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// The file's folder, which its relative paths start in.
    pub(crate) folder: &'a Path,
    /// The same as it is called: relative if the file is.
    pub(crate) called: &'a Path,
    pub(crate) mechanisms: &'a Mechanisms,
    /// Whether Prometheus reads the file, too.
    pub(crate) is_shared: bool,
    /// Whose file it is.
    pub(crate) dialect: Dialect,
}
