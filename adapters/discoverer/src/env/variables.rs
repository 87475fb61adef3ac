use std::collections::BTreeMap;

/// Environment variables, of this process or of whoever stands in its place.
pub trait Variables: Send + Sync {
    /// The variable's value as it is now; `None` if it is not set or not Unicode.
    fn get(&self, name: &str) -> Option<String>;
}

/// These and no others.
impl Variables for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        Self::get(self, name).cloned()
    }
}
