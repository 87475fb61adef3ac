//! Many futures at once within one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use headcount_core::planted;

/// Runs these futures side by side, at most `limit` of them at a time, and gives what they give in their order.
///
/// ```
/// use headcount_discoverer::in_parallel;
///
/// let doubled = (1..=3).map(|number| async move { number * 2 });
/// assert_eq!(futures_lite::future::block_on(in_parallel(2, doubled)), [2, 4, 6]);
/// ```
pub async fn in_parallel<F: Future>(limit: usize, futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting = futures.into_iter().enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done: Vec<(usize, F::Output)> = Vec::new();
    poll_fn(|context| {
        loop {
            // All that run are polled, because nobody says which was woken: there are few.
            running.retain_mut(|(number, future)| match future.as_mut().poll(context) {
                Poll::Ready(output) => {
                    done.push((*number, output));
                    false
                }
                Poll::Pending => true,
            });
            let most = planted!(limit.max(1), OneMoreAtOnce, limit.max(1).saturating_add(1));
            let free = most.saturating_sub(running.len());
            let started = running.len();
            running.extend(
                waiting
                    .by_ref()
                    .take(free)
                    .map(|(number, future)| (number, Box::pin(future))),
            );
            if running.is_empty() {
                return Poll::Ready(());
            }
            if running.len() == started {
                return Poll::Pending;
            }
        }
    })
    .await;
    planted!(done.sort_by_key(|(number, _)| *number), AnswersAsTheyCome, ());
    done.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::testing::World;
    use crate::{Env, Updates};

    #[test]
    fn no_more_run_at_once_than_allowed_and_results_keep_their_order() {
        static MOST: Mutex<(usize, usize)> = Mutex::new((0, 0));
        let mut world = World::new();
        let (told, heard) = std::sync::mpsc::channel();
        world.start(Box::new(move |env: Env, _: Updates| async move {
            // The first takes longest.
            let tasks = (0..10_u32).map(|number| {
                let env = env.clone();
                async move {
                    {
                        let mut most = MOST.lock().expect("nobody panics");
                        most.0 += 1;
                        most.1 = most.1.max(most.0);
                    }
                    env.clock.sleep(Duration::from_secs(u64::from(10 - number))).await;
                    MOST.lock().expect("nobody panics").0 -= 1;
                    number
                }
            });
            told.send(in_parallel(3, tasks).await).expect("the test listens");
            let none: [std::future::Ready<u32>; 0] = [];
            told.send(in_parallel(3, none).await).expect("the test listens");
        }));
        world.run_for(Duration::from_secs(19));
        assert_eq!(
            heard.try_recv(),
            Ok((0..10).collect()),
            "55 seconds of work, three at a time"
        );
        assert_eq!(heard.try_recv(), Ok(Vec::new()));
        assert_eq!(MOST.lock().expect("nobody panics").1, 3);
    }
}
