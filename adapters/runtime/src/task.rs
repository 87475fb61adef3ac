//! Tasks that can be cancelled and waited for, built on [`Runtime::spawn`](crate::Runtime::spawn).
//!
//! The one rule: **when what [`Task::cancel`] returns completes, the task's future has been dropped**, and with
//! it all that it held.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use async_channel::{Receiver, Sender};
use futures_lite::FutureExt;

use crate::runtime::Runtime;

/// A running task; dropping it cancels it.
pub(crate) struct Task {
    // Nothing is ever sent: closing is the message.
    cancel: Sender<Infallible>,
    ended: Receiver<Infallible>,
}

impl Task {
    /// Starts `future`. A panic in it ends it quietly; who wants to know catches it inside.
    pub(crate) fn spawn(runtime: &dyn Runtime, future: impl Future<Output = ()> + Send + 'static) -> Self {
        let (cancel, cancelled) = async_channel::bounded::<Infallible>(1);
        let (ending, ended) = async_channel::bounded::<Infallible>(1);
        runtime.spawn(Box::pin(async move {
            let cancelled = async {
                cancelled.recv().await.ok();
            };
            AssertUnwindSafe(cancelled.or(future)).catch_unwind().await.ok();
            drop(ending);
        }));
        Self { cancel, ended }
    }

    /// Whether its future has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_closed()
    }

    /// Cancels the task now; what is returned completes when its future has been dropped.
    pub(crate) fn cancel(self) -> impl Future<Output = ()> {
        let Self { cancel, ended } = self;
        drop(cancel);
        async move {
            ended.recv().await.ok();
        }
    }
}

/// What a panic said, as far as it is text.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
