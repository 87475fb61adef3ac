//! What `docker` and `dockerswarm` share: how the Engine is reached and asked, and how labels are made of what it answers.
//!
//! **A list is read whole or not at all, and each of its objects by itself**: an answer that is no list fails the refresh,
//! an object that makes no sense is left out and counted.

mod answer;
mod engine;
mod filter;
mod labels;
mod network;

pub(crate) use answer::{Text, Texts, address, boolean, or_default, prefix_address};
pub(crate) use engine::{Engine, Session};
pub(crate) use filter::Filters;
pub(crate) use labels::Labels;
pub(crate) use network::{Networks, networks};
