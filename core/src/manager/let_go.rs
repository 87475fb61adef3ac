//! Which targets a hold kept that are shown no more (B05).
//!
//! **What a provider lost while a hold ended was not all held**: an update that ends it may bring losses of its own,
//! and so may one that came before it, in the same snapshot.

use core::fmt;
use std::sync::Arc;

use crate::store::Lost;

/// Addresses in its debug text.
const MOST_PRINTED: usize = 10;

/// The targets that were shown only because they were held, and are so no longer: by address. Cheap to make and to clone.
#[derive(Clone)]
pub struct LetGo {
    lost: Arc<Lost>,
    /// Whether what was lost last was never held: the update that lost it ended the hold.
    but_the_last: bool,
}

impl LetGo {
    /// All that is lost.
    pub(crate) fn all(lost: Lost) -> Self {
        Self {
            lost: Arc::new(lost),
            but_the_last: false,
        }
    }

    /// What is lost, but for what was taken in last.
    pub(crate) fn but_the_last(lost: Lost) -> Self {
        Self {
            lost: Arc::new(lost),
            but_the_last: true,
        }
    }

    /// Whether a target with this address was held.
    pub fn has(&self, address: &str) -> bool {
        if self.but_the_last {
            self.lost.had(address)
        } else {
            self.lost.has(address)
        }
    }

    /// The addresses, sorted.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.lost.addresses().filter(|address| self.has(address))
    }
}

impl<'a> FromIterator<&'a str> for LetGo {
    fn from_iter<I: IntoIterator<Item = &'a str>>(addresses: I) -> Self {
        Self::all(addresses.into_iter().collect())
    }
}

impl PartialEq for LetGo {
    fn eq(&self, other: &Self) -> bool {
        self.addresses().eq(other.addresses())
    }
}

impl Eq for LetGo {}

impl fmt::Debug for LetGo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.addresses().take(MOST_PRINTED));
        if self.addresses().nth(MOST_PRINTED).is_some() {
            list.entry(&format_args!("…"));
        }
        list.finish()
    }
}
