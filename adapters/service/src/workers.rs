//! The threads that run a service's tasks, and the world as its discoverers see it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use async_channel::{Receiver, Sender};
use headcount_discoverer::Env;
use headcount_runtime::SharedRuntime;
use smol::Executor;

/// Tasks are short and wait much; a few threads keep a long one from holding up the others.
const MOST_THREADS: usize = 4;

/// Threads that run tasks, and what tasks may touch of the world. Cheap to clone; the threads end with the
/// last clone.
///
/// Services on the same workers share HTTP clients and whatever else [`Env`] shares. What tasks wait for
/// needs no particular runtime, so a program on tokio or any other may wait for a service on workers.
#[derive(Clone)]
pub struct Workers {
    executor: Arc<Executor<'static>>,
    runtime: SharedRuntime,
    env: Env,
    // Nothing is ever sent: closing is the message.
    _running: Sender<Infallible>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts a few threads, for the real world.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (running, ended) = async_channel::bounded(1);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        for number in 0..threads {
            let (executor, ended) = (executor.clone(), ended.clone());
            thread::Builder::new()
                .name(format!("headcount-{number}"))
                // A task that panics is gone; the thread goes on with the others.
                .spawn(move || while catch_unwind(AssertUnwindSafe(|| run_until(&executor, &ended))).is_err() {})?;
        }
        let runtime = headcount_runtime::smol::on(executor.clone());
        let env = headcount_runtime::env(&runtime);
        Ok(Self {
            executor,
            runtime,
            env,
            _running: running,
        })
    }

    /// The world, and the mechanisms' own metrics.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The same threads in another world.
    #[cfg(test)]
    pub(crate) fn in_world(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// Waits for `future`, and helps with the tasks meanwhile.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(self.executor.run(future))
    }

    pub(crate) fn executor(&self) -> &Arc<Executor<'static>> {
        &self.executor
    }

    pub(crate) fn runtime(&self) -> &SharedRuntime {
        &self.runtime
    }
}

fn run_until(executor: &Executor<'static>, ended: &Receiver<Infallible>) {
    smol::block_on(executor.run(async {
        ended.recv().await.ok();
    }));
}
