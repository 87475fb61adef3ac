//! How fast is asked: Oracle throttles who asks for more, and IAM's lists first
//! (<https://docs.oracle.com/iaas/Content/Identity/sku/api-rate-limiting.htm>, 20 a second). All entries with the same account
//! share one pace.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headcount_core::Instant;
use headcount_discoverer::env::Clock;

/// Requests a second, and how many at once after a rest; Prometheus's.
const INTERVAL: Duration = Duration::from_millis(100);
const BURST: Duration = Duration::from_millis(5000);

/// When the next request may be sent.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Waits for one's turn.
    pub(super) async fn turn(&self, clock: &dyn Clock) {
        let now = clock.now();
        let wait = {
            let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Until when all that was sent takes, at the pace.
            let until = full.map_or(now, |until| until.max(now));
            *full = Some(until + INTERVAL);
            until.saturating_duration_since(now).saturating_sub(BURST)
        };
        if !wait.is_zero() {
            clock.sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headcount_discoverer::testing::World;
    use headcount_discoverer::{Env, Updates};

    use super::*;

    #[test]
    fn some_are_sent_at_once_and_the_others_at_the_pace() {
        let mut world = World::new();
        let pace = Arc::new(Pace::default());
        let sent: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let (mine, times) = (pace.clone(), sent.clone());
        world.start(Box::new(async move |env: Env, _: Updates| {
            let start = env.clock.now();
            for _ in 0..100 {
                mine.turn(env.clock.as_ref()).await;
                let time = env.clock.now().saturating_duration_since(start);
                times.lock().expect("nobody panicked").push(time);
            }
        }));
        world.run_for(Duration::from_secs(60));
        let sent = sent.lock().expect("nobody panicked");
        assert_eq!((sent[0], sent[50]), (Duration::ZERO, Duration::ZERO));
        assert_eq!(
            (sent[51], sent[99]),
            (Duration::from_millis(100), Duration::from_millis(4900))
        );
    }
}
