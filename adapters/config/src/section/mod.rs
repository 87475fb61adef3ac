//! The sections of `prometheus.yml` that are headcount's, one module each.
//!
//! Each reads its fields from a [`Fields`](crate::yaml::Fields), reports what is wrong and goes on
//! with the default, so that one run finds everything. The result counts only when nothing was
//! reported.

pub(crate) mod alertmanager;
pub(crate) mod global;
mod headers;
mod http_client;
pub(crate) mod naming;
mod oauth2;
pub(crate) mod protocol;
mod proxy;
pub(crate) mod relabel;
pub(crate) mod scrape;
pub(crate) mod sd;
mod targets;
mod tls;
