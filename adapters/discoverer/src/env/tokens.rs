//! Tokens, shared by whoever has the same settings.
//!
//! The one rule: **one fetch for all who wait**. Two hundred discoverers of one account that start together, or find
//! their token refused together, cost its endpoint one request.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use headcount_core::Instant;
use headcount_reader::Secret;

use super::Clock;

/// A token is not used in the last ten seconds of its life, nor in the second half of a life shorter than twenty.
const MARGIN: Duration = Duration::from_secs(10);
/// It is renewed when a tenth of its life is left, and not earlier than this before its end.
const LONGEST_RENEWAL: Duration = Duration::from_secs(5 * 60);
/// After a renewal that failed, the next one is not tried before this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// Tokens by the settings that they were got for. Cloning it shares them.
///
/// ```
/// use std::time::Duration;
///
/// use headcount_discoverer::env::{Clock, Token, TokenCache};
///
/// async fn login(account: &str) -> Result<Token, String> {
/// #    let _ = account;
///     Ok(Token::new("t0ken", Some(Duration::from_secs(3600))))
/// }
///
/// async fn authorization(tokens: &TokenCache, clock: &dyn Clock) -> Result<String, String> {
///     // Whoever has an equal key has the same slot.
///     let slot = tokens.slot::<_, String>(("cloud.example", "account 7"));
///     let token = slot.get(clock, || login("account 7")).await?;
///     Ok(format!("Bearer {}", token.reveal()))
/// }
/// ```
#[derive(Clone, Default)]
pub struct TokenCache(Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>);

/// The slots whose keys are of one type.
type Slots<K, E> = HashMap<K, Weak<TokenSlot<E>>>;

impl TokenCache {
    /// The slot of a key. It is kept while somebody holds it, so hold it as long as tokens are needed.
    ///
    /// A key is all that the token depends on: the endpoint, the account, the secret itself. `E` is why a token can't
    /// be had.
    pub fn slot<K, E>(&self, key: K) -> Arc<TokenSlot<E>>
    where
        K: Eq + Hash + Send + 'static,
        E: Send + 'static,
    {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = all
            .entry(TypeId::of::<Slots<K, E>>())
            .or_insert_with(|| Box::new(Slots::<K, E>::new()));
        let Some(slots) = slots.downcast_mut::<Slots<K, E>>() else {
            // What stands under a type's id is of that type.
            return Arc::default();
        };
        if let Some(slot) = slots.get(&key).and_then(Weak::upgrade) {
            return slot;
        }
        slots.retain(|_, slot| slot.strong_count() > 0);
        let slot = Arc::default();
        slots.insert(key, Arc::downgrade(&slot));
        slot
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

/// A token as its endpoint gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    value: Secret,
    lifetime: Option<Duration>,
}

impl Token {
    /// A token, and how long it is valid from now on if that is known.
    pub fn new(value: impl Into<String>, lifetime: Option<Duration>) -> Self {
        Self {
            value: Secret::new(value),
            lifetime,
        }
    }

    /// The token itself, for who needs it to get another one.
    pub fn value(&self) -> &Secret {
        &self.value
    }
}

/// Where one token is kept. `E` is why it can't be had.
#[derive(Debug)]
pub struct TokenSlot<E>(Mutex<State<E>>);

#[derive(Debug)]
struct State<E> {
    kept: Option<Kept>,
    /// There while somebody fetches: closed when that has ended, in whatever way.
    fetching: Option<Receiver<Infallible>>,
    /// Fetches that ended with a token or an error.
    ended: u64,
    /// How the last of them failed, if it did.
    failed: Option<E>,
}

#[derive(Debug)]
struct Kept {
    value: Secret,
    renew_at: Option<Instant>,
    usable_until: Option<Instant>,
}

impl<E> Default for TokenSlot<E> {
    fn default() -> Self {
        Self(Mutex::new(State {
            kept: None,
            fetching: None,
            ended: 0,
            failed: None,
        }))
    }
}

/// What is to be done to have a token.
enum Step {
    Use(Secret),
    /// Wait for who fetches. So many have ended before.
    Wait(Receiver<Infallible>, u64),
    Fetch(Sender<Infallible>),
}

impl<E: Clone> TokenSlot<E> {
    /// A token that is valid for a while: the one that is kept, or the one that `fetch` gets. Who asks meanwhile waits
    /// for that fetch and has its result, be it an error. A token whose end is near is renewed by one who asks, while
    /// the others use it.
    ///
    /// # Errors
    /// That of `fetch`, unless the token that is kept is still good.
    pub async fn get<F>(&self, clock: &dyn Clock, fetch: impl FnOnce() -> F) -> Result<Secret, E>
    where
        F: Future<Output = Result<Token, E>>,
    {
        loop {
            match self.step(clock.now()) {
                Step::Use(token) => return Ok(token),
                Step::Wait(end, ended_before) => {
                    end.recv().await.ok();
                    // Nothing ended if who fetched was cancelled: then it is somebody else's turn.
                    if let Some(error) = self.with(|state| state.failed_since(ended_before)) {
                        return Err(error);
                    }
                }
                Step::Fetch(end) => {
                    let result = fetch().await;
                    let result = self.with(|state| state.end(clock.now(), result));
                    drop(end);
                    return result;
                }
            }
        }
    }

    /// Forgets a token that a server refused. False when there is a newer one already, or none.
    pub fn forget(&self, refused: &Secret) -> bool {
        self.with(|state| state.kept.take_if(|kept| kept.value == *refused).is_some())
    }

    fn step(&self, now: Instant) -> Step {
        self.with(|state| {
            let running = state
                .fetching
                .as_ref()
                .filter(|fetching| !fetching.is_closed())
                .cloned();
            let usable = state
                .kept
                .as_ref()
                .filter(|kept| kept.usable_until.is_none_or(|until| now < until));
            match (usable, running) {
                (Some(kept), Some(_)) => return Step::Use(kept.value.clone()),
                (Some(kept), None) if kept.renew_at.is_none_or(|at| now < at) => return Step::Use(kept.value.clone()),
                (None, Some(running)) => return Step::Wait(running, state.ended),
                (_, None) => {}
            }
            let (end, fetching) = async_channel::bounded(1);
            state.fetching = Some(fetching);
            Step::Fetch(end)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State<E>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E: Clone> State<E> {
    fn failed_since(&self, ended_before: u64) -> Option<E> {
        self.failed.clone().filter(|_| self.ended > ended_before)
    }

    /// A fetch has ended.
    fn end(&mut self, now: Instant, result: Result<Token, E>) -> Result<Secret, E> {
        self.fetching = None;
        self.ended = self.ended.wrapping_add(1);
        match result {
            Ok(token) => {
                self.failed = None;
                let value = token.value.clone();
                self.kept = Some(Kept::new(now, token));
                Ok(value)
            }
            Err(error) => {
                self.failed = Some(error.clone());
                match &mut self.kept {
                    Some(kept) if kept.usable_until.is_none_or(|until| now < until) => {
                        kept.renew_at = Some(now + RENEWAL_PAUSE);
                        Ok(kept.value.clone())
                    }
                    _ => Err(error),
                }
            }
        }
    }
}

impl Kept {
    fn new(now: Instant, token: Token) -> Self {
        let before_end = |margin: Duration| token.lifetime.map(|lifetime| now + lifetime.saturating_sub(margin));
        let half = token.lifetime.unwrap_or_default() / 2;
        let tenth = token.lifetime.unwrap_or_default() / 10;
        Self {
            renew_at: before_end(tenth.clamp(MARGIN, LONGEST_RENEWAL).min(half)),
            usable_until: before_end(MARGIN.min(half)),
            value: token.value,
        }
    }
}

#[cfg(test)]
mod tests;
