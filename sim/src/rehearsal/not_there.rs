//! Names that nobody has.

/// No discoverers of this name are in the scenario, or none that are real.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are no {what} called `{name}`; there are {}", list(.known))]
pub struct NotThere {
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) known: Vec<String>,
}

fn list(known: &[String]) -> String {
    match known {
        [] => "none".to_owned(),
        known => known.join(", "),
    }
}
