//! Watches the answers on a connection that has several at a time.
//!
//! There a client can leave an answer without a write that has to wait. **A connection with an answer under way, and of
//! which too little is taken, ends**, as that of a slow client does elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_channel::{Receiver, Sender};
use futures_lite::FutureExt;
use smol::{Executor, Timer};

use super::pace::Pace;

/// Who watches the answers of one connection.
#[derive(Debug)]
pub(super) struct Watch {
    pace: Pace,
    executor: Arc<Executor<'static>>,
    /// Of all its answers.
    taken: Arc<AtomicU64>,
    notice: Sender<()>,
    noticed: Receiver<()>,
}

/// An answer that is watched, for as long as it is held.
#[derive(Debug)]
pub(super) struct Watched {
    taken: Arc<AtomicU64>,
    // Nothing is ever sent: closing is the message.
    _end: Sender<()>,
}

impl Watch {
    pub(super) fn new(pace: Pace, executor: Arc<Executor<'static>>) -> Arc<Self> {
        let (notice, noticed) = async_channel::bounded(1);
        Arc::new(Self {
            pace,
            executor,
            taken: Arc::default(),
            notice,
            noticed,
        })
    }

    /// Completes when too little is taken.
    pub(super) async fn noticed(&self) {
        self.noticed.recv().await.ok();
    }

    /// Watches one more answer.
    pub(super) fn begin(&self) -> Watched {
        let (end, ended) = async_channel::bounded::<()>(1);
        let (pace, notice, taken) = (self.pace, self.notice.clone(), self.taken.clone());
        let watching = async move {
            let mut before = taken.load(Ordering::Relaxed);
            loop {
                Timer::after(pace.time).await;
                let now = taken.load(Ordering::Relaxed);
                if now - before < pace.bytes {
                    notice.try_send(()).ok();
                    return;
                }
                before = now;
            }
        };
        let ended = async move {
            ended.recv().await.ok();
        };
        self.executor.spawn(watching.or(ended)).detach();
        Watched {
            taken: self.taken.clone(),
            _end: end,
        }
    }
}

impl Watched {
    /// So much more was taken.
    pub(super) fn took(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;
    use std::time::Duration;

    #[test]
    fn an_answer_that_is_left_is_noticed_and_one_that_has_ended_is_not() {
        let executor = Arc::new(Executor::new());
        let pace = Pace {
            bytes: 10,
            time: Duration::from_millis(20),
        };
        let watch = Watch::new(pace, executor.clone());
        smol::block_on(executor.run(async {
            drop(watch.begin());
            let taken = watch.begin();
            for _ in 0..20 {
                taken.took(10);
                Timer::after(Duration::from_millis(5)).await;
            }
            assert!(future::poll_once(watch.noticed()).await.is_none());
            watch.noticed().await;
            drop(taken);
        }));
    }
}
