//! The configuration that runs, and where the next comes from.
//!
//! The one rule: **a configuration that is wrong changes nothing.** What ran before goes on, the
//! problems are said, and the metrics show it.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use blocking::unblock;
use headcount_config::{LoadErrors, Loader};
use headcount_runtime::DriverGone;
use smol::lock::MutexGuard;

use crate::plan::{Fingerprint, Plan, Source};

/// The configuration that runs, and where the next comes from.
pub(crate) struct Reloader {
    loader: Loader,
    plan: ArcSwap<Plan>,
    state: Mutex<State>,
    /// One reload at a time.
    turn: smol::lock::Mutex<()>,
}

#[derive(Debug, Clone)]
struct State {
    source: Source,
    /// Of the files as they were last read, rightly or wrongly.
    fingerprint: Fingerprint,
    status: ReloadStatus,
}

/// A configuration as it was read, rightly or wrongly.
pub(crate) struct Loaded {
    source: Source,
    fingerprint: Fingerprint,
    plan: Result<Plan, LoadErrors>,
}

/// How reloading went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReloadStatus {
    /// Whether the last attempt worked.
    pub(crate) is_successful: bool,
    /// When an attempt last worked, in seconds since 1970-01-01 UTC.
    pub(crate) last_success: f64,
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] LoadErrors),
    /// The service is about to end.
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

/// Changes of files, which count when they are seen a second time as they were the first (B11).
#[derive(Debug, Default)]
pub(crate) struct SettledChanges {
    seen: Option<Fingerprint>,
}

impl SettledChanges {
    /// Whether a change was seen once.
    pub(crate) fn is_waiting(&self) -> bool {
        self.seen.is_some()
    }

    /// Whether what is news now counts.
    pub(crate) fn count(&mut self, news: Option<Fingerprint>) -> bool {
        let is_settled = news.is_some() && news == self.seen;
        self.seen = news.filter(|_| !is_settled);
        is_settled
    }
}

impl Reloader {
    /// Loads a first configuration, at `now` seconds since 1970-01-01 UTC.
    pub(crate) async fn start(loader: Loader, source: Source, now: f64) -> Result<Self, LoadErrors> {
        let loaded = load(&loader, source).await;
        let status = ReloadStatus {
            is_successful: true,
            last_success: now,
        };
        Ok(Self {
            loader,
            plan: ArcSwap::from_pointee(loaded.plan?),
            state: Mutex::new(State {
                source: loaded.source,
                fingerprint: loaded.fingerprint,
                status,
            }),
            turn: smol::lock::Mutex::new(()),
        })
    }

    /// The configuration that runs.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// How reloading went.
    pub(crate) fn status(&self) -> ReloadStatus {
        self.read(|state| state.status)
    }

    /// Waits until no other reload is under way.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Reads the configuration, again or from another source.
    pub(crate) async fn load(&self, source: Option<Source>) -> Loaded {
        let source = source.unwrap_or_else(|| self.read(|state| state.source.clone()));
        load(&self.loader, source).await
    }

    /// What was read, if it is not what was read last.
    pub(crate) fn news(&self, loaded: &Loaded) -> Option<Fingerprint> {
        let is_news = self.read(|state| state.fingerprint != loaded.fingerprint);
        is_news.then_some(loaded.fingerprint)
    }

    /// Makes what was loaded the configuration that runs, unless it is wrong; then the source is
    /// the one that it was, too.
    pub(crate) fn accept(&self, loaded: Loaded) -> Result<Arc<Plan>, LoadErrors> {
        let Loaded {
            source,
            fingerprint,
            plan,
        } = loaded;
        self.change(|state| state.fingerprint = fingerprint);
        match plan {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.change(|state| state.source = source);
                self.plan.store(plan.clone());
                Ok(plan)
            }
            Err(errors) => {
                self.change(|state| state.status.is_successful = false);
                Err(errors)
            }
        }
    }

    /// Notes that the configuration was applied, at `now` seconds since 1970-01-01 UTC.
    pub(crate) fn note_success(&self, now: f64) {
        self.change(|state| {
            state.status = ReloadStatus {
                is_successful: true,
                last_success: now,
            };
        });
    }

    fn read<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reads files, so on a thread where that is allowed.
async fn load(loader: &Loader, source: Source) -> Loaded {
    let loader = loader.clone();
    unblock(move || {
        let (fingerprint, plan) = source.load(&loader);
        Loaded {
            source,
            fingerprint,
            plan,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b11_a_file_that_is_being_written_is_no_configuration_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |text: &str| {
            let path = folder.path().join("prometheus.yml");
            std::fs::write(&path, text).expect("written");
            Source::File(path).load(&crate::loader()).0
        };
        let (half, whole) = (read("scrape_configs: []"), read("scrape_configs: [{job_name: a}]"));
        let mut changes = SettledChanges::default();
        assert!(!changes.count(None));
        assert!(!changes.count(Some(half)));
        assert!(changes.is_waiting());
        assert!(!changes.count(Some(whole)), "it is another than it was");
        assert!(changes.count(Some(whole)));
        assert!(!changes.is_waiting());
        assert!(!changes.count(Some(half)));
        assert!(!changes.count(None), "it is as it was before");
        assert!(!changes.count(Some(half)));
    }
}
