//! What `serverset` and `nerve` share: a ZooKeeper client, and how what is registered in a tree of nodes is followed.
//!
//! The client speaks the protocol itself over [`Connections`](headcount_discoverer::env::Connections), so that it runs in
//! every world that a discoverer runs in. It only reads. **A session goes on with another server where that is possible**,
//! and is then told what it has missed; in a new one everything is read again, and the difference reported.
//!
//! * `jute`, `message`: bytes. `client`: sessions, connections and servers. `tree`: nodes, and what to ask. `follow`: what
//!   becomes of it. `ensemble`: settings. `json`: what registrars write.

mod client;
mod ensemble;
mod follow;
mod json;
mod jute;
mod message;
mod tree;

pub(crate) use ensemble::Ensemble;
pub(crate) use follow::{FAILURES, Labels, Registry, WATCHED, discoverer};
pub(crate) use json::Object;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

/// A label's value that is there only if it says something.
pub(crate) fn put(labels: &mut Labels, name: impl Into<String>, value: impl Into<String>) {
    let value = value.into();
    if !value.is_empty() {
        labels.push((name.into(), value));
    }
}
