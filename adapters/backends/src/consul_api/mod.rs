//! What `consul` and `consulagent` share: how Consul is reached and authenticated to, and what its
//! answers mean.
//!
//! **A token travels only inside of the HTTP client's settings**, as a secret header, so no request, error
//! or debug output of ours holds it.

mod health;
mod label;
mod query;
mod rejected;
mod server;

pub(crate) use health::{Check, health};
pub(crate) use label::{label_name, labels_of, tag_list};
pub(crate) use query::{Query, path_segment};
pub(crate) use rejected::{Rejected, doubtful};
pub(crate) use server::{AGENT, SERVER, Server, names, texts, variable};

use serde::{Deserialize, Deserializer};

/// Reads `null` as what is not there, as Go does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
pub(crate) mod testing;
