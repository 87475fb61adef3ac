use std::cell::Cell;

use futures_lite::future::{block_on, poll_once};
use proptest::prelude::*;

use super::*;
use crate::testing::VirtualClock;

type Slot = TokenSlot<&'static str>;

const HOUR: Duration = Duration::from_secs(3600);

/// Counts what the endpoint is asked, and answers after a second.
struct Endpoint {
    clock: VirtualClock,
    asked: Cell<u32>,
    refuses: Cell<bool>,
}

impl Endpoint {
    fn new() -> Self {
        Self {
            clock: VirtualClock::default(),
            asked: Cell::new(0),
            refuses: Cell::new(false),
        }
    }

    async fn login(&self) -> Result<Token, &'static str> {
        self.asked.set(self.asked.get() + 1);
        let token = format!("token {}", self.asked.get());
        self.clock.sleep(Duration::from_secs(1)).await;
        match self.refuses.get() {
            true => Err("refused"),
            false => Ok(Token::new(token, Some(HOUR))),
        }
    }

    async fn get(&self, slot: &Slot) -> Result<String, &'static str> {
        let token = slot.get(&self.clock, || self.login()).await?;
        Ok(token.reveal().to_owned())
    }

    fn pass(&self, time: Duration) {
        self.clock.move_to(self.clock.now() + time);
    }

    /// Gets it while nothing else happens; a fetch takes its second.
    fn now(&self, slot: &Slot) -> Result<String, &'static str> {
        let mut getting = Box::pin(self.get(slot));
        block_on(async {
            if let Some(result) = poll_once(&mut getting).await {
                return result;
            }
            self.pass(Duration::from_secs(1));
            poll_once(&mut getting).await.expect("the second is over")
        })
    }
}

/// As many as this at once.
const MANY: usize = 200;

/// The results of many who ask at once, in slots of equal keys.
fn together(endpoint: &Endpoint, cache: &TokenCache) -> Vec<Result<String, &'static str>> {
    let slots: Vec<_> = (0..MANY).map(|_| cache.slot::<_, &'static str>("account")).collect();
    let mut all: Vec<_> = slots.iter().map(|slot| Box::pin(endpoint.get(slot))).collect();
    block_on(async {
        for one in &mut all {
            assert_eq!(poll_once(one).await, None);
        }
        endpoint.pass(Duration::from_secs(1));
        let mut results = Vec::new();
        for one in &mut all {
            results.push(poll_once(one).await.expect("the second is over"));
        }
        results
    })
}

#[test]
fn many_who_ask_at_once_cost_one_fetch() {
    let (endpoint, cache) = (Endpoint::new(), TokenCache::default());
    let other = cache.slot::<_, &'static str>("another account");
    let kept = cache.slot::<_, &'static str>("account");
    assert!(
        together(&endpoint, &cache)
            .iter()
            .all(|result| result == &Ok("token 1".to_owned()))
    );
    assert_eq!(endpoint.now(&kept), Ok("token 1".to_owned()), "and afterwards none");
    assert_eq!(endpoint.now(&other), Ok("token 2".to_owned()));
}

#[test]
fn many_who_wait_share_a_failure_too() {
    let (endpoint, cache) = (Endpoint::new(), TokenCache::default());
    endpoint.refuses.set(true);
    assert!(
        together(&endpoint, &cache)
            .iter()
            .all(|result| result == &Err("refused"))
    );
    assert_eq!(endpoint.asked.get(), 1);
    endpoint.refuses.set(false);
    assert_eq!(
        together(&endpoint, &cache)[0],
        Ok("token 2".to_owned()),
        "it is not kept"
    );
}

#[test]
fn when_who_fetches_is_cancelled_another_does() {
    let (endpoint, slot) = (Endpoint::new(), Slot::default());
    let mut first = Box::pin(endpoint.get(&slot));
    let mut second = Box::pin(endpoint.get(&slot));
    block_on(async {
        assert_eq!(poll_once(&mut first).await, None);
        assert_eq!(poll_once(&mut second).await, None);
        drop(first);
        assert_eq!(poll_once(&mut second).await, None);
        endpoint.pass(Duration::from_secs(1));
        assert_eq!(poll_once(&mut second).await, Some(Ok("token 2".to_owned())));
    });
}

#[test]
fn a_token_is_renewed_before_its_end_while_others_use_it() {
    let (endpoint, slot) = (Endpoint::new(), Slot::default());
    endpoint.now(&slot).expect("a first token");
    endpoint.pass(HOUR - LONGEST_RENEWAL - Duration::from_secs(1));
    assert_eq!(endpoint.now(&slot), Ok("token 1".to_owned()));
    endpoint.pass(Duration::from_secs(1));
    let mut renewing = Box::pin(endpoint.get(&slot));
    block_on(async {
        assert_eq!(poll_once(&mut renewing).await, None);
        assert_eq!(
            poll_once(&mut Box::pin(endpoint.get(&slot))).await,
            Some(Ok("token 1".to_owned()))
        );
    });
    drop(renewing);
    // An endpoint that is down takes nobody's token away before its end, and is asked now and then.
    endpoint.refuses.set(true);
    for _ in 0..5 {
        assert_eq!(endpoint.now(&slot), Ok("token 1".to_owned()));
    }
    assert_eq!(endpoint.asked.get(), 3);
    endpoint.pass(LONGEST_RENEWAL);
    assert_eq!(endpoint.now(&slot), Err("refused"));
    endpoint.refuses.set(false);
    assert_eq!(endpoint.now(&slot), Ok("token 5".to_owned()));
}

#[test]
fn a_refused_token_is_forgotten_once() {
    let (endpoint, slot) = (Endpoint::new(), Slot::default());
    endpoint.now(&slot).expect("a first token");
    let refused = Secret::new("token 1");
    assert!(slot.forget(&refused));
    assert_eq!(endpoint.now(&slot), Ok("token 2".to_owned()));
    assert!(!slot.forget(&refused), "there is a newer one");
}

#[test]
fn a_slot_that_nobody_holds_is_gone() {
    let cache = TokenCache::default();
    for account in 0..1000 {
        cache.slot::<u32, &'static str>(account);
    }
    let all = cache.0.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = all
        .values()
        .next()
        .and_then(|slots| slots.downcast_ref::<Slots<u32, &'static str>>());
    assert_eq!(slots.map(HashMap::len), Some(1));
}

proptest! {
    #[test]
    fn every_token_is_used_for_a_while_and_never_at_its_end(seconds in 1_u64..1_000_000) {
        let (start, lifetime) = (Instant::ZERO, Duration::from_secs(seconds));
        let kept = Kept::new(start, Token::new("t", Some(lifetime)));
        let (renew, until) = (kept.renew_at.expect("it ends"), kept.usable_until.expect("it ends"));
        prop_assert!(start < renew && renew <= until && until < start + lifetime);
    }
}
