use std::fmt;
use std::path::PathBuf;

use headcount_core::planted;

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
        f.write_str(planted!("<secret>", DebugShowsSecrets, self.0.as_str()))
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
    /// In a secret manager, by this name. There is none, so it can't be had.
    Reference(String),
}

/// Ends of the names of parameters and headers that carry secrets.
const SECRET_ENDS: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "apikey",
    "_key",
    "signature",
    "authorization",
    "session",
];

/// The whole names of others.
const SECRET_NAMES: [&str; 8] = ["key", "auth", "sig", "pass", "pwd", "jwt", "bearer", "cookie"];

/// Whether the value of a parameter or header of this name is to be hidden, by its name.
///
/// ```
/// use headcount_reader::sounds_secret;
///
/// assert!(["token", "api-key", "X-Vault-Token", "access_token", "sig"].into_iter().all(sounds_secret));
/// assert!(!["module", "target", "dc", "keyspace", "token_url"].into_iter().any(sounds_secret));
/// ```
pub fn sounds_secret(name: &str) -> bool {
    let name = name
        .to_ascii_lowercase()
        .replace(planted!(['-', '.'], DashesHideSecrets, ['.', '.']), "_");
    SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_dots_are_underscores_in_names_of_secrets() {
        assert!(["api-key", "x.api.key", "X-Private-Key"].into_iter().all(sounds_secret));
        assert!(!sounds_secret("monkey"));
    }

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
