use std::fmt;
use std::path::PathBuf;

/// A value that is never shown: logs, errors and debug output say `<secret>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A secret, or the file that holds it and is read again for each use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// Written in the configuration.
    Inline(Secret),
    /// In a file; white space at the ends is dropped.
    File(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let source = SecretSource::Inline(Secret::new("hunter2"));
        assert_eq!(format!("{source:?}"), "Inline(<secret>)");
        assert_eq!(
            format!("{} {:#?}", Secret::new("hunter2"), Secret::new("hunter2")),
            "<secret> <secret>"
        );
        assert_eq!(Secret::new("hunter2").reveal(), "hunter2");
    }
}
