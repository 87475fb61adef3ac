//! The configuration that runs, and where the next comes from.
//!
//! The one rule: **a configuration that is wrong changes nothing.** What ran before goes on, the
//! problems are said, and the metrics show it.
//!
//! * `changes`: what a reload changed. `less`: whether it may be half of one. `turns`: who waits for which reload.

mod changes;
mod less;
mod turns;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use blocking::unblock;
use headcount_config::{LoadErrors, Loader};
use headcount_runtime::DriverGone;
use smol::lock::MutexGuard;

use crate::plan::{Plan, Source};
use crate::trace::{Fingerprint, Trace};

pub use changes::{Changes, Entries, Providers};
pub(crate) use less::AGAIN;
pub(crate) use turns::{Turn, Turns};

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
    /// What was looked at when the configuration that runs was read.
    trace: Arc<Trace>,
    status: ReloadStatus,
}

/// A configuration as it was read, rightly or wrongly.
pub(crate) struct Loaded {
    source: Source,
    trace: Trace,
    plan: Result<Plan, LoadErrors>,
}

/// A reload that was made.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) changes: Changes,
    /// Since when it can be seen: of the pools and of the jobs' snapshots. Nothing, if nothing changed.
    pub(crate) visible_from: Option<(u64, u64)>,
}

/// What came of a reload, for all who asked for it.
pub(crate) type Outcome = Result<Arc<Reloaded>, ReloadError>;

/// How reloading went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ReloadStatus {
    /// Whether the last attempt worked.
    pub(crate) is_successful: bool,
    /// When an attempt last worked, in seconds since 1970-01-01 UTC.
    pub(crate) last_success: f64,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, thiserror::Error)]
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
    seen: Option<Sight>,
}

/// What was in files, and when each was modified: one that was something else in between is not as it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    fingerprint: Fingerprint,
    modified: Vec<(PathBuf, SystemTime)>,
}

impl SettledChanges {
    /// Whether a change was seen once.
    pub(crate) fn is_waiting(&self) -> bool {
        self.seen.is_some()
    }

    /// Whether what is news now counts.
    pub(crate) fn count(&mut self, news: Option<Sight>) -> bool {
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
                fingerprint: loaded.trace.fingerprint(),
                trace: Arc::new(loaded.trace),
                status,
            }),
            turn: smol::lock::Mutex::new(()),
        })
    }

    /// The configuration that runs.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// What is wrong with the configuration that runs if a file of it is empty, and was not before.
    pub(crate) fn emptied(&self) -> Option<LoadErrors> {
        self.read(|state| match &state.source {
            Source::File(_) => less::blank(&state.trace),
            Source::BuiltIn | Source::Text { .. } | Source::Plan(_) => None,
        })
    }

    /// What reads configurations.
    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
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

    /// The same for who wants what is there now: what was just written, and has less in it than what runs, is read until it is
    /// as it was when it was read before, with a `wait` between (B11). One that never is is refused.
    pub(crate) async fn load_settled(&self, source: Option<Source>, mut wait: impl AsyncFnMut()) -> Loaded {
        let mut loaded = self.load(source).await;
        for _ in 0..less::MOST_LOOKS {
            if self.written_by_halves(&loaded).await.is_empty() {
                return loaded;
            }
            wait().await;
            let again = self.load(Some(loaded.source.clone())).await;
            let is_settled = again.trace.fingerprint() == loaded.trace.fingerprint();
            loaded = again;
            if is_settled {
                return loaded;
            }
        }
        let files = self.written_by_halves(&loaded).await;
        if !files.is_empty() {
            loaded.plan = Err(less::unfinished(&files));
        }
        loaded
    }

    /// The same for a configuration with which somebody starts, where it is known what was there before (B11): what was just
    /// written, and of which `has_less` says that something is missing in it, is read until it is as it was. So is one that
    /// includes files of a folder in which nothing is, in case that is mounted soon; then it is taken as it is.
    ///
    /// # Errors
    /// When it goes on being written, or is wrong.
    pub(crate) async fn settle(
        &self,
        has_less: impl AsyncFn(Arc<Plan>) -> bool,
        mut wait: impl AsyncFnMut(),
    ) -> Result<(), LoadErrors> {
        let mut wrong = None;
        for _ in 0..less::MOST_LOOKS {
            let is_mounted = self.read(|state| state.trace.found_nothing().next().is_none());
            let is_in_doubt = !is_mounted || !self.just_written().await.is_empty();
            if !is_in_doubt || (wrong.is_none() && !has_less(self.plan()).await) {
                break;
            }
            wait().await;
            let Loaded { trace, plan, source } = self.load(None).await;
            let is_settled = self.read(|state| state.fingerprint == trace.fingerprint());
            self.change(|state| {
                (state.fingerprint, state.source) = (trace.fingerprint(), source);
                state.trace = Arc::new(trace);
            });
            wrong = plan.map(|plan| self.plan.store(Arc::new(plan))).err();
            if is_settled && is_mounted {
                return wrong.map_or(Ok(()), Err);
            }
        }
        let files = self.just_written().await;
        match wrong {
            Some(errors) => Err(errors),
            None if !files.is_empty() && has_less(self.plan()).await => Err(less::unfinished(&files)),
            None => Ok(()),
        }
    }

    /// The files of the configuration that was read last and may be being written.
    async fn just_written(&self) -> Vec<PathBuf> {
        let trace = self.read(|state| state.trace.clone());
        unblock(move || trace.modified_within(less::JUST_WRITTEN)).await
    }

    /// The files of what was loaded that may be being written, if half of them would have been read by that.
    async fn written_by_halves(&self, loaded: &Loaded) -> Vec<PathBuf> {
        match &loaded.plan {
            Ok(plan) if less::may_be_cut(&self.plan(), plan) => {
                let before = self.read(|state| state.trace.clone());
                let gone = less::settings_gone(&before, &loaded.trace);
                let trace = loaded.trace.clone();
                let written = unblock(move || trace.modified_within(less::JUST_WRITTEN)).await;
                gone.into_iter().chain(written).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether reading the configuration again would give the one that runs. Costs reading its files, and no more.
    pub(crate) async fn is_current(&self) -> bool {
        let trace = self.read(|state| state.trace.clone());
        unblock(move || trace.is_current()).await
    }

    /// Whether the configuration that runs is what was read last.
    pub(crate) fn runs_what_was_read(&self) -> bool {
        self.read(|state| state.fingerprint == state.trace.fingerprint())
    }

    /// Notes that the configuration that runs is what would be read.
    pub(crate) fn note_current(&self) {
        self.change(|state| state.fingerprint = state.trace.fingerprint());
    }

    /// What was read, if it is not what was read last.
    pub(crate) async fn news(&self, loaded: &Loaded) -> Option<Sight> {
        let fingerprint = loaded.trace.fingerprint();
        if self.read(|state| state.fingerprint == fingerprint) {
            return None;
        }
        let trace = loaded.trace.clone();
        let modified = unblock(move || trace.modified()).await;
        Some(Sight { fingerprint, modified })
    }

    /// Makes what was loaded the configuration that runs, unless it is wrong; then the source is
    /// the one that it was, too.
    pub(crate) fn accept(&self, loaded: Loaded) -> Result<Arc<Plan>, LoadErrors> {
        let Loaded { source, trace, plan } = loaded;
        let before = self.read(|state| state.trace.clone());
        let plan = plan.and_then(|plan| match less::emptied((&self.plan(), &before), (&plan, &trace)) {
            Some(errors) => Err(errors),
            None => Ok(plan),
        });
        self.change(|state| state.fingerprint = trace.fingerprint());
        match plan {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.change(|state| {
                    state.source = source;
                    state.trace = Arc::new(trace);
                });
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
        let (trace, plan) = source.load(&loader);
        Loaded { source, trace, plan }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that a writer makes, one text after the other, whenever it is waited for.
    #[test]
    fn b11_who_wants_a_file_that_is_being_written_gets_it_whole() {
        const WHOLE: &str = "scrape_configs:\n- job_name: a\n- job_name: b\n- job_name: c\n";
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prometheus.yml");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        let jobs = |loaded: Loaded| loaded.plan.map(|plan| plan.jobs.len()).ok();
        let half = |lines: usize| WHOLE.split_inclusive('\n').take(lines).collect::<String>();
        smol::block_on(async {
            write(WHOLE);
            let source = Source::File(path.clone());
            let reloader = Reloader::start(crate::loader(), source, 0.0).await.expect("valid");
            for (first, then, expected, looks) in [
                // It goes on being written, is half written for good, has one job more, and is not valid.
                (half(2), vec![half(3), half(4) + "- job_name: d\n"], Some(4), 2),
                (half(2), vec![half(2)], Some(1), 1),
                (half(4) + "- job_name: d\n", vec![], Some(4), 0),
                ("scrape_configs: [".to_owned(), vec![], None, 0),
                // Who never ends is not waited for without end.
                (
                    half(2),
                    (1..9).map(|n| half(2) + &format!("- job_name: x{n}\n")).collect(),
                    None,
                    5,
                ),
            ] {
                write(&first);
                let mut then = then.into_iter();
                let mut looked = 0;
                let loaded = reloader
                    .load_settled(None, async || {
                        looked += 1;
                        write(&then.next().expect("no more looks than texts"));
                    })
                    .await;
                assert_eq!((jobs(loaded), looked), (expected, looks), "{first}");
            }
            // Headcount's own file is removed, and written anew; or it is not.
            let settings = folder.path().join("headcount.yml");
            let more = || std::fs::write(&settings, "scrape_configs: [{job_name: more}]").expect("written");
            more();
            write(WHOLE);
            let other = Reloader::start(crate::loader(), Source::File(path.clone()), 0.0).await;
            let other = other.expect("valid");
            touch(&path, 60);
            for (comes, expected) in [(true, Some(4)), (false, Some(3))] {
                std::fs::remove_file(&settings).expect("removed");
                let mut looked = 0;
                let again = async || {
                    looked += 1;
                    if comes {
                        more();
                    }
                };
                let loaded = other.load_settled(None, again).await;
                assert_eq!((jobs(loaded), looked), (expected, 1));
            }
            // What was not just written is there.
            write(&half(2));
            touch(&path, 60);
            let loaded = reloader.load_settled(None, async || panic!("it is old")).await;
            assert_eq!(jobs(loaded), Some(1));
        });
    }

    /// As if it had been written so many seconds ago.
    fn touch(path: &std::path::Path, seconds: u64) {
        let then = SystemTime::now() - std::time::Duration::from_secs(seconds);
        let file = std::fs::File::options().write(true).open(path);
        file.and_then(|file| file.set_modified(then)).expect("its time is set");
    }

    /// The same at a start, where less is known of what was there before.
    #[test]
    fn b11_who_starts_with_a_file_that_is_being_written_gets_it_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prometheus.yml");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        let of = |jobs: usize| -> String {
            let jobs = (0..jobs).map(|job| format!("- job_name: j{job}\n"));
            format!("scrape_configs:\n{}", jobs.collect::<String>())
        };
        smol::block_on(async {
            for (texts, expected, looks) in [
                // Whole; half, and then whole; half for good; empty, broken, and then whole; broken for good.
                (vec![of(3)], Some(3), 0),
                (vec![of(1), of(2), of(3)], Some(3), 2),
                (vec![of(1), of(1)], Some(1), 1),
                (vec![String::new(), "scrape_configs: [".into(), of(3)], Some(3), 2),
                (
                    vec![of(1), "scrape_configs: [".into(), "scrape_configs: [".into()],
                    None,
                    2,
                ),
                // Who never ends is not waited for without end.
                (
                    (0..6).map(|n| of(1) + &format!("- job_name: x{n}\n")).collect(),
                    None,
                    5,
                ),
            ] {
                let mut texts = texts.into_iter();
                write(&texts.next().expect("a first"));
                let source = Source::File(path.clone());
                let reloader = Reloader::start(crate::loader(), source, 0.0).await.expect("valid");
                let mut looked = 0;
                let settled = reloader.settle(
                    async |plan| plan.jobs.len() < 3,
                    async || {
                        looked += 1;
                        write(&texts.next().expect("no more looks than texts"));
                    },
                );
                let jobs = settled.await.ok().map(|()| reloader.plan().jobs.len());
                assert_eq!((jobs, looked), (expected, looks));
                assert_eq!((texts.next(), reloader.is_current().await), (None, true));
            }
            // What is included may be mounted soon, or never is.
            let included = folder.path().join("jobs");
            write("scrape_config_files: ['jobs/*.yml']\n");
            for (comes_with, looks) in [(Some(2), 2), (None, 5)] {
                let source = Source::File(path.clone());
                let reloader = Reloader::start(crate::loader(), source, 0.0).await.expect("valid");
                // Not just written.
                touch(&path, 60);
                let mut looked = 0;
                let settled = reloader.settle(
                    async |plan| plan.jobs.len() < 3,
                    async || {
                        looked += 1;
                        if comes_with == Some(looked) {
                            std::fs::create_dir(&included).expect("made");
                            std::fs::write(included.join("a.yml"), of(3)).expect("written");
                        }
                    },
                );
                assert!(settled.await.is_ok());
                assert_eq!(
                    (reloader.plan().jobs.len(), looked),
                    (comes_with.map_or(0, |_| 3), looks)
                );
                std::fs::remove_dir_all(&included).ok();
            }
            // What was not just written is there.
            write(&of(1));
            touch(&path, 60);
            let source = Source::File(path.clone());
            let reloader = Reloader::start(crate::loader(), source, 0.0).await.expect("valid");
            let settled = reloader.settle(async |_| true, async || panic!("it is old")).await;
            assert!(settled.is_ok());
        });
    }

    #[test]
    fn b11_a_file_that_is_being_written_is_no_configuration_yet() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |text: &str| {
            let path = folder.path().join("prometheus.yml");
            std::fs::write(&path, text).expect("written");
            let trace = Source::File(path).load(&crate::loader()).0;
            move |at: u64| Sight {
                fingerprint: trace.fingerprint(),
                modified: vec![(
                    PathBuf::new(),
                    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at),
                )],
            }
        };
        let (half, whole) = (read("scrape_configs: []"), read("scrape_configs: [{job_name: a}]"));
        let mut changes = SettledChanges::default();
        assert!(!changes.count(None));
        assert!(!changes.count(Some(half(1))));
        assert!(changes.is_waiting());
        assert!(!changes.count(Some(whole(2))), "it is another than it was");
        assert!(changes.count(Some(whole(2))));
        assert!(!changes.is_waiting());
        assert!(!changes.count(Some(half(3))));
        assert!(!changes.count(Some(half(5))), "it was something else in between");
        assert!(!changes.count(None), "it is as it was before");
        assert!(!changes.count(Some(half(5))));
    }
}
