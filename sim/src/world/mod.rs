//! The world that is simulated: the truth, and how backends show it.

pub(crate) mod render;
pub(crate) mod truth;
pub(crate) mod view;
