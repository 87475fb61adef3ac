//! The threads that run all tasks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use futures_lite::future;
use smol::Executor;

/// Tasks are short and wait much; a few threads keep a long one from holding up the others.
const MOST_THREADS: usize = 4;

/// An executor with threads of its own. They end with the process.
pub(crate) fn start() -> anyhow::Result<Arc<Executor<'static>>> {
    let executor = Arc::new(Executor::new());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    for number in 0..threads {
        let executor = executor.clone();
        thread::Builder::new()
            .name(format!("headcount-{number}"))
            .spawn(move || {
                // A task that panics is gone; the thread goes on with the others.
                while catch_unwind(AssertUnwindSafe(|| run_forever(&executor))).is_err() {}
            })
            .context("starting a thread")?;
    }
    Ok(executor)
}

fn run_forever(executor: &Executor<'static>) {
    smol::block_on(executor.run(future::pending::<()>()));
}
