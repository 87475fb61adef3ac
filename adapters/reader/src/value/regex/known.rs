//! Expressions that were found to be right.
//!
//! Compiling them is most of what it takes to read a configuration of thousands of jobs, and **what was right once is right
//! whenever it is read again**: by a reload, or in the next job.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most that is remembered, in bytes of text. A configuration that has more begins anew with every so many.
const MOST_BYTES: usize = 16 << 20;

/// Expressions as they are written, with their translations.
#[derive(Debug, Default)]
pub(super) struct Known {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    translations: HashMap<Box<str>, Box<str>>,
    bytes: usize,
}

impl Known {
    /// The translation of an expression that is known to be right.
    pub(super) fn get(&self, written: &str) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .translations
            .get(written)
            .map(|translation| translation.to_string())
    }

    /// Takes note of an expression that is right.
    pub(super) fn add(&self, written: &str, translation: &str) {
        let size = written.len().saturating_add(translation.len());
        if size > MOST_BYTES {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.translations.contains_key(written) {
            return;
        }
        if inner.bytes.saturating_add(size) > MOST_BYTES {
            *inner = Inner::default();
        }
        inner.bytes = inner.bytes.saturating_add(size);
        inner.translations.insert(written.into(), translation.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays_within_its_bytes() {
        let known = Known::default();
        let long = |number: usize| format!("{number}{}", "x".repeat(MOST_BYTES / 8));
        for number in 0..3 {
            known.add(&long(number), &long(number));
            known.add(&long(number), &long(number));
        }
        assert_eq!(known.get(&long(0)), Some(long(0)));
        known.add(&long(3), &long(3));
        assert_eq!((known.get(&long(0)), known.get(&long(3))), (None, Some(long(3))));
        known.add(&"y".repeat(MOST_BYTES), "y");
        assert_eq!(
            known.get(&long(3)),
            Some(long(3)),
            "what would never fit takes nothing's place"
        );
    }
}
