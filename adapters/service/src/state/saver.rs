//! Follows a manager and writes what changes, on a thread of its own.
//!
//! The one rule: **it holds nobody up.** It reads views, which are immutable, compares the newest with the one that it
//! wrote last, and asks the manager nothing. What changes within a second is one change.

use std::convert::Infallible;
use std::sync::Arc;

use async_channel::Receiver;
use futures_lite::FutureExt;
use headcount_discoverer::env::{Clock, Random};
use smol::Timer;

use super::Status;
use super::folder::{Folder, FolderError};
use super::restore::Kept;
use super::retry::Retry;
use super::store::Store;
use super::writer::{INTERVAL, STILL_SO, Writer};
use crate::discovery::Managed;

pub(super) struct Saver {
    managed: Arc<Managed>,
    folder: Arc<Folder>,
    status: Arc<Status>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// The configuration's path, for people.
    config: Arc<str>,
    retry: Retry,
    writer: Writer,
    /// What the files have that the manager begins with, until its first snapshot shows what became of that.
    kept: Option<Kept>,
}

/// What wakes it.
enum Woken {
    News,
    Time,
    Stop,
}

impl Saver {
    pub(super) fn new(
        managed: Arc<Managed>,
        folder: Arc<Folder>,
        status: Arc<Status>,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        config: Arc<str>,
    ) -> Self {
        let store = Store::new(folder.path().to_owned(), managed.name());
        Self {
            writer: Writer::new(store, clock.clone()),
            managed,
            folder,
            status,
            clock,
            random,
            config,
            retry: Retry::default(),
            kept: None,
        }
    }

    /// The same for a manager that begins with what is in the files: they are gone on with, as far as that is still so when
    /// its first snapshot is seen.
    pub(super) fn after(self, kept: Option<Kept>) -> Self {
        Self { kept, ..self }
    }

    /// Runs until `stop` closes, and writes what there is then.
    pub(super) async fn run(mut self, stop: Receiver<Infallible>) {
        loop {
            let published = self.managed.published();
            self.go_on();
            let is_current = self.is_current();
            let wait = self
                .retry
                .wait()
                .unwrap_or(if is_current { STILL_SO } else { INTERVAL });
            let time = async {
                Timer::after(wait).await;
                Woken::Time
            };
            let news = async {
                // What is known to be due needs no news.
                if !is_current || self.retry.wait().is_some() {
                    futures_lite::future::pending::<()>().await;
                }
                published.await;
                Woken::News
            };
            let stopped = async {
                stop.recv().await.ok();
                Woken::Stop
            };
            match stopped.or(time).or(news).await {
                Woken::News => {}
                Woken::Time => self.save(),
                Woken::Stop => return self.save(),
            }
        }
    }

    fn is_current(&self) -> bool {
        self.managed.view().snapshot.version() == self.writer.version()
    }

    /// Goes on with the files that there are, once there is a snapshot. Where that does not work, a base is due.
    fn go_on(&mut self) {
        let view = self.managed.view();
        if !view.is_started() {
            return;
        }
        if let Some(kept) = self.kept.take()
            && self.folder.ensure().is_ok()
        {
            let went_on = self.writer.go_on(kept, &view.snapshot);
            if let Err(error) = went_on {
                let manager = self.managed.name();
                tracing::debug!(manager, %error, "what was saved before is not gone on with, but written anew");
            }
        }
    }

    /// Writes what there is, and says once when that does not work, and once when it does again.
    fn save(&mut self) {
        let manager = self.managed.name();
        if !self.managed.view().is_started() {
            return;
        }
        let saved = self.folder.ensure().map_err(in_words).and_then(|()| {
            let (newest, id) = (|| self.managed.view().snapshot.clone(), self.random.next_u64());
            let saved = self.writer.write(&newest, id, &self.config);
            saved.map_err(|error| format!("writing to {}: {error}", self.folder.path().display()))
        });
        match saved {
            Ok(bytes) => {
                self.retry.worked();
                let now = self.clock.now();
                if self.status.written(manager, now, bytes) {
                    tracing::info!(manager, "what is found is saved again");
                }
            }
            Err(error) => {
                self.retry.failed();
                if !self.status.failed(manager) {
                    tracing::warn!(
                        manager,
                        error,
                        "what is found can't be saved; discovery goes on, and it is tried again"
                    );
                }
            }
        }
    }
}

pub(super) fn in_words(error: FolderError) -> String {
    match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
