//! Who is waited for, for who tells of it meanwhile.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are named. The others are counted, which costs nothing.
const NAMED: usize = 3;

/// Sources that have not answered yet. Clones are of the same list: one is given to who waits, the other is
/// [looked at](Self::in_words) meanwhile.
///
/// ```
/// let awaited = headcount_service::Awaited::default();
/// assert_eq!(awaited.in_words(), None);
/// awaited.are(["http/0", "http/1", "dns/2", "dns/3"]);
/// assert_eq!(awaited.clone().in_words().as_deref(), Some("http/0, http/1, dns/2 and 1 more"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Awaited(Arc<Mutex<Option<String>>>);

impl Awaited {
    /// From now on these are waited for, and nobody else. Says whether there is anybody.
    pub fn are(&self, sources: impl IntoIterator<Item = impl fmt::Display>) -> bool {
        let mut sources = sources.into_iter();
        let named: Vec<_> = sources.by_ref().take(NAMED).map(|it| it.to_string()).collect();
        let is_any = !named.is_empty();
        let mut words = named.join(", ");
        let more = sources.count();
        if more > 0 {
            words.push_str(&format!(" and {more} more"));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = is_any.then_some(words);
        is_any
    }

    /// From now on nobody is waited for.
    pub fn nobody(&self) {
        self.are([""; 0]);
    }

    /// Who is waited for now.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
