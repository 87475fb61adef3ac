//! Signals that end the daemon or make it reload.

use anyhow::Context;
use async_signal::{Signal, Signals};
use futures_lite::StreamExt;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `SIGINT`, `SIGTERM`.
    Stop,
    /// `SIGHUP`.
    Reload,
}

/// The signals that this process gets from now on.
pub(crate) struct Asking(Signals);

impl Asking {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signals = Signals::new([Signal::Hup, Signal::Int, Signal::Term]).context("listening for signals")?;
        Ok(Self(signals))
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Asked {
        loop {
            match self.0.next().await {
                Some(Ok(Signal::Hup)) => return Asked::Reload,
                Some(Ok(_)) => return Asked::Stop,
                Some(Err(error)) => tracing::warn!(%error, "reading a signal"),
                None => futures_lite::future::pending().await,
            }
        }
    }
}
