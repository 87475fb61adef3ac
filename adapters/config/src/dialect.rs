//! Who else reads the configuration.

/// Whose configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Prometheus's.
    #[default]
    Prometheus,
    /// vmagent's: relabelling with its actions and `if`, and as it carries out those of Prometheus; settings of its jobs.
    Vmagent,
}

impl Dialect {
    /// Whether it is vmagent's.
    pub fn is_vmagent(self) -> bool {
        self == Self::Vmagent
    }
}
