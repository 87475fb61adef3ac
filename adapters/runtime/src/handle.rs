//! How a program speaks to a running driver.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use async_channel::{Receiver, Sender};
use headcount_core::{Applied, Manager, ProviderConfig, ProviderId, SetOptions, Throttle, UnknownProvider};
use headcount_discoverer::{QueueStatus, ReportQueue};

use crate::refresh::RefreshRequest;

/// The driver has ended: it was stopped, or its runtime was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the discovery manager is no longer running")]
pub struct DriverGone;

/// Speaks to one driver. Clones speak to the same one.
///
/// The driver ends when it is [stopped](Handle::stop) or when the last handle is dropped; both
/// cancel all discoverers, and only `stop` waits for it.
#[must_use = "the driver ends when its last handle is dropped"]
pub struct Handle<C: ProviderConfig> {
    commands: Sender<Command<C>>,
    ended: Receiver<Infallible>,
    reports: ReportQueue,
}

impl<C: ProviderConfig> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            ended: self.ended.clone(),
            reports: self.reports.clone(),
        }
    }
}

impl<C: ProviderConfig> std::fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Something to find out from the manager.
pub(crate) type Question<C> = Box<dyn FnOnce(&Manager<C>) + Send>;

/// The commands that wait for a driver.
///
/// A channel keeps what is in it for as long as somebody could send more. **When nobody takes them any more they are let
/// go**, so that whoever waits for an answer learns that there will be none.
pub(crate) struct Commands<C: ProviderConfig>(pub(crate) Receiver<Command<C>>);

impl<C: ProviderConfig> Commands<C> {
    /// No more are taken.
    pub(crate) fn end(&self) {
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

impl<C: ProviderConfig> Drop for Commands<C> {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a handle asks of the driver.
pub(crate) enum Command<C: ProviderConfig> {
    Apply {
        sets: Vec<(String, Vec<C>)>,
        reply: Sender<Applied>,
    },
    Options {
        defaults: SetOptions,
        by_set: BTreeMap<String, SetOptions>,
    },
    Throttle {
        throttle: Throttle,
        per_set: bool,
    },
    Confirm {
        provider: ProviderId,
        reply: Sender<Result<usize, UnknownProvider>>,
    },
    Refresh {
        provider: ProviderId,
        reply: Sender<Result<RefreshRequest, UnknownProvider>>,
    },
    With(Question<C>),
    Stop,
}

impl<C: ProviderConfig + Send + 'static> Handle<C> {
    pub(crate) fn new(commands: Sender<Command<C>>, ended: Receiver<Infallible>, reports: ReportQueue) -> Self {
        Self {
            commands,
            ended,
            reports,
        }
    }

    /// The reports that wait for the manager, and what became of those before. Asks nobody.
    #[must_use]
    pub fn queue(&self) -> QueueStatus {
        self.reports.status()
    }

    /// Makes `sets` all the sets that there are, each with its provider configs. Discoverers
    /// whose config stays run on.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    pub async fn apply(&self, sets: impl IntoIterator<Item = (String, Vec<C>)>) -> Result<Applied, DriverGone> {
        let (reply, applied) = async_channel::bounded(1);
        let sets = sets.into_iter().collect();
        self.commands
            .send(Command::Apply { sets, reply })
            .await
            .map_err(|_| DriverGone)?;
        applied.recv().await.map_err(|_| DriverGone)
    }

    /// Gives sets other options, those in `by_set` their own and all others the defaults. Options that come with other
    /// sets are given before [`apply`](Self::apply): what is asked first is done first.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    pub async fn set_options(
        &self,
        defaults: SetOptions,
        by_set: BTreeMap<String, SetOptions>,
    ) -> Result<(), DriverGone> {
        let command = Command::Options { defaults, by_set };
        self.commands.send(command).await.map_err(|_| DriverGone)
    }

    /// Throttles snapshots in another way, with `per_set` for each set by itself.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    pub async fn set_throttle(&self, throttle: Throttle, per_set: bool) -> Result<(), DriverGone> {
        let command = Command::Throttle { throttle, per_set };
        self.commands.send(command).await.map_err(|_| DriverGone)
    }

    /// Confirms the drop that the guard holds of a provider, as an operator does. Gives how many targets
    /// that let go, none when nothing was held; or that the provider is not running.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    pub async fn confirm_drop(&self, provider: ProviderId) -> Result<Result<usize, UnknownProvider>, DriverGone> {
        let (reply, confirmed) = async_channel::bounded(1);
        self.commands
            .send(Command::Confirm { provider, reply })
            .await
            .map_err(|_| DriverGone)?;
        confirmed.recv().await.map_err(|_| DriverGone)
    }

    /// Has a provider ask its backend now, and not only when its time comes.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    pub async fn refresh(&self, provider: ProviderId) -> Result<Result<RefreshRequest, UnknownProvider>, DriverGone> {
        let (reply, asked) = async_channel::bounded(1);
        self.commands
            .send(Command::Refresh { provider, reply })
            .await
            .map_err(|_| DriverGone)?;
        asked.recv().await.map_err(|_| DriverGone)
    }

    /// Looks at the manager: runs `question` inside the driver and gives back its answer. While it
    /// runs nothing else does, so it should copy what it needs and go.
    ///
    /// # Errors
    /// [`DriverGone`] when the driver has ended.
    ///
    /// # Panics
    /// When `question` does; the driver is not harmed.
    pub async fn with<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Manager<C>) -> T + Send + 'static,
    ) -> Result<T, DriverGone> {
        let (reply, answer) = async_channel::bounded::<Result<T, Box<dyn Any + Send>>>(1);
        let ask = move |manager: &Manager<C>| {
            reply
                .try_send(std::panic::catch_unwind(AssertUnwindSafe(|| question(manager))))
                .ok();
        };
        self.commands
            .send(Command::With(Box::new(ask)))
            .await
            .map_err(|_| DriverGone)?;
        match answer.recv().await.map_err(|_| DriverGone)? {
            Ok(answer) => Ok(answer),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Stops all discoverers and the driver, and waits until both are gone.
    pub async fn stop(&self) {
        // An error means that it has stopped already.
        self.commands.send(Command::Stop).await.ok();
        self.ended.recv().await.ok();
    }
}
