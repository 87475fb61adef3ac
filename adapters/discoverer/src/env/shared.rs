//! What discoverers of one process share: whoever has an equal key has the same thing.
//!
//! The one rule: **a thing lives as long as somebody holds it**, and no longer. A watch that a hundred jobs read is there
//! once, and gone with the last of them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Things by the keys that they were made for. Cloning it shares them.
///
/// ```
/// use std::sync::Arc;
///
/// use headcount_discoverer::env::Shared;
///
/// let shared = Shared::default();
/// let one = shared.of(("watch", "https://a.example"), || String::from("made once"));
/// let other = shared.clone().of(("watch", "https://a.example"), || String::from("not made again"));
/// assert!(Arc::ptr_eq(&one, &other));
/// ```
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>);

/// The things of one type, by keys of one type.
type Things<K, V> = HashMap<K, Weak<V>>;

impl Shared {
    /// The thing with this key: one that somebody holds, or else a new one. A key is all that the thing depends on.
    /// `make` must not ask for another thing here.
    pub fn of<K, V>(&self, key: K, make: impl FnOnce() -> V) -> Arc<V>
    where
        K: Eq + Hash + Send + 'static,
        V: Send + Sync + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let things = all
            .entry(TypeId::of::<Things<K, V>>())
            .or_insert_with(|| Box::new(Things::<K, V>::new()));
        let Some(things) = things.downcast_mut::<Things<K, V>>() else {
            // What stands under a type's id is of that type.
            return Arc::new(make());
        };
        if let Some(thing) = things.get(&key).and_then(Weak::upgrade) {
            return thing;
        }
        things.retain(|_, thing| thing.strong_count() > 0);
        let thing = Arc::new(make());
        things.insert(key, Arc::downgrade(&thing));
        thing
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_there_once_while_somebody_holds_it() {
        let shared = Shared::default();
        let one = shared.of("a", || 1_u32);
        assert_eq!(*shared.of("a", || 2_u32), 1);
        assert_eq!(*shared.of("b", || 3_u32), 3);
        assert_eq!(*shared.of("a", || 4_u64), 4, "another type is another thing");
        drop(one);
        assert_eq!(*shared.of("a", || 5_u32), 5);
    }
}
