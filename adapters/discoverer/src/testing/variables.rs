use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::env::Variables;

/// Environment variables of a test's own; none is set at first. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct MemoryVariables(Arc<Mutex<BTreeMap<String, String>>>);

impl MemoryVariables {
    /// Sets a variable.
    pub fn set(&self, name: &str, value: &str) {
        self.with(|variables| variables.insert(name.to_owned(), value.to_owned()));
    }

    /// Unsets a variable.
    pub fn unset(&self, name: &str) {
        self.with(|variables| variables.remove(name));
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Variables for MemoryVariables {
    fn get(&self, name: &str) -> Option<String> {
        self.with(|variables| variables.get(name).cloned())
    }
}
