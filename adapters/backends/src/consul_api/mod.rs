//! What `consul` and `consulagent` share: how Consul is reached and authenticated to, and what its
//! answers mean.
//!
//! **A token travels only inside of the HTTP client's settings**, as a secret header, so no request, error
//! or debug output of ours holds it.

mod answer;
mod health;
mod label;
mod query;
mod rejected;
mod server;

pub(crate) use answer::{Pairs, Text, decode, or_default};
pub(crate) use health::{Check, health};
pub(crate) use label::{labels_of, tag_list};
pub(crate) use query::{Query, path_segment};
pub(crate) use rejected::{LEADER_HEADER, Rejected, doubtful};
pub(crate) use server::{AGENT, SERVER, Server, names, or_variable, texts};

#[cfg(test)]
pub(crate) mod testing;
