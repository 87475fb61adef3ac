//! `file_sd_configs`: lists of targets in JSON and YAML files.
//!
//! The folders are watched, and a file that changed is read at once; every `refresh_interval`
//! everything is read, for file systems that tell nothing. **The cost follows the change**: with
//! twenty thousand files, one that changed costs one read, and a file whose bytes are those of
//! last time is not decoded.
//!
//! Editors and scripts write files in several steps, and a reader must not take a step for the
//! result. What a change makes *less* is therefore looked at twice (B11), and until then, what was found before
//! stays:
//!
//! * a file that can't be decoded, or that is YAML without its last line break: [`SETTLE`] apart;
//! * a file that is gone (it may be about to be made anew), a list that has no targets any more, that was not written at all,
//!   or that is YAML and shorter than before (half a YAML list is often a valid list): [`SETTLE_LESS`] apart, with the same
//!   bytes, or when it has gone on changing for two minutes.
//!
//! The sources are a file's path with `:0`, `:1`, … in the order of its first list; groups keep theirs (B13).
//!
//! * A file that is gone takes its groups with it; one that is shorter, those it no longer has. One that is gone with
//!   its folder does not, where the folder is named and no pattern, nor does one that a link or the configuration still
//!   names: a mount is more likely to be missing than that to be meant.
//! * A file that can't be read or decoded keeps the groups it had, and the failure is reported.
//! * Only when all that is named was read without any error is that said to be all there is (B09).
//! * What can't be watched is reported once, and read every `refresh_interval`. Folders that come, and files that
//!   can be read again, are found within seconds all the same.

mod folders;
mod format;
mod known;
mod patterns;
mod round;
mod settings;
mod trouble;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use headcount_core::{Instant, planted};
use headcount_discoverer::env::FileError;
use headcount_discoverer::metrics::{Definition, Kind, QUANTILES};
use headcount_discoverer::on_demand::{Ended, OnDemand};
use headcount_discoverer::refresh::Schedule;
use headcount_discoverer::{Backoff, BoxFuture, Discoverer, Env, Stopped, Updates};

use round::{Files, Reason};
use watch::Watch;

pub use format::decode;
pub use patterns::FilePatternError;
pub use settings::FileSd;

/// The time after which a file that looks unfinished is looked at again.
pub const SETTLE: Duration = Duration::from_millis(50);

/// The time after which a list that became less or is gone is looked at again, and has to be as it was. Whoever writes a list
/// while making it can take this long for the next line.
pub const SETTLE_LESS: Duration = Duration::from_secs(5);

/// The waits before it is looked whether a folder that is not there has come.
const FOLDER_AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15));

const READ_ERRORS: Definition = Definition {
    name: "prometheus_sd_file_read_errors_total",
    help: "The number of File-SD read errors.",
    kind: Kind::Counter,
};
const WATCHER_ERRORS: Definition = Definition {
    name: "prometheus_sd_file_watcher_errors_total",
    help: "The number of File-SD errors caused by filesystem watch failures.",
    kind: Kind::Counter,
};
const MODIFIED: Definition = Definition {
    name: "prometheus_sd_file_mtime_seconds",
    help: "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
    kind: Kind::Gauge,
};
const SCANS: Definition = Definition {
    name: "prometheus_sd_file_scan_duration_seconds",
    help: "The duration of the File-SD scan in seconds.",
    kind: QUANTILES,
};

/// All of them.
const METRICS: [Definition; 4] = [READ_ERRORS, WATCHER_ERRORS, MODIFIED, SCANS];

struct FileDiscoverer {
    settings: Arc<FileSd>,
}

impl Discoverer for FileDiscoverer {
    fn run(self: Box<Self>, env: Env, updates: Updates) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // Returning is all there is to do when nobody listens any more.
            let Err(Stopped) = self.watch_and_read(env, updates).await;
        })
    }
}

/// Why the discoverer goes on.
enum Wake {
    /// Something changed, or the watch says that it may have missed some.
    Changed(Result<Vec<PathBuf>, FileError>),
    /// A file is due to be looked at again.
    Due,
    /// What is missing may be there.
    Retry,
    /// The refresh interval is over.
    Interval,
    /// Somebody asks for everything to be read.
    Wanted,
}

impl FileDiscoverer {
    async fn watch_and_read(self: Box<Self>, env: Env, updates: Updates) -> Result<std::convert::Infallible, Stopped> {
        for counter in [READ_ERRORS, WATCHER_ERRORS, SCANS] {
            env.metrics.add(counter, &[], 0.0);
        }
        let mut schedule = Schedule::new(self.settings.refresh_interval);
        let mut files = Files::new(self.settings.clone(), &env, updates.take_found_before());
        // Before the first read, so that no change falls between the two.
        let mut watch = Watch::start(&env, self.settings.patterns.folders(), self.settings.refresh_interval);
        let mut reason = Reason::First;
        let mut on_demand = OnDemand::new(&env, &updates);
        loop {
            let started = env.clock.now();
            on_demand.begin();
            files.note_watch(watch.trouble());
            files.read_all(reason, &updates).await?;
            let ended = if files.are_well() { Ended::Well } else { Ended::Failed };
            on_demand.end(ended).await?;
            reason = Reason::Again;
            let interval_ends = started + schedule.after_success(env.random.as_ref());
            let (mut retry, mut retries) = (None, 0);
            loop {
                let later = || env.clock.now() + FOLDER_AGAIN.wait(retries);
                retry =
                    planted!(files.lacks_something(), MissingFolderWaits, false).then(|| retry.unwrap_or_else(later));
                let next = wait(&env, &mut watch, files.next_due(), retry, interval_ends);
                let wake = next.or(wanted(&on_demand)).await;
                let woke = env.clock.now();
                match wake {
                    Wake::Retry if files.may_have_come().await => {
                        // What can't be listed is tried less and less often, like what is not there.
                        (retry, retries) = (None, retries + 1);
                        watch.renew();
                        files.note_watch(watch.trouble());
                        files.read_all(Reason::Again, &updates).await?;
                    }
                    Wake::Retry => {
                        (retry, retries) = (None, retries + 1);
                        files.report_again(woke, &updates).await?;
                    }
                    Wake::Changed(Ok(paths)) => {
                        let candidates = self.settings.patterns.files_meant_by(&paths);
                        if planted!(
                            watch::is_link_among(&env, &paths, &candidates).await,
                            LinkIsNoChange,
                            false
                        ) {
                            // A link in the folder decides what the files are (a ConfigMap's `..data`).
                            files.read_all(Reason::Again, &updates).await?;
                        } else {
                            files.read_some(candidates, &updates).await?;
                        }
                    }
                    Wake::Changed(Err(error)) => {
                        watch.failed(&error);
                        files.note_watch(watch.trouble());
                        planted!(files.read_all(Reason::Again, &updates).await?, MissedChangeWaits, ());
                    }
                    Wake::Due => files.read_due(&updates).await?,
                    Wake::Interval | Wake::Wanted => break,
                }
            }
            watch.renew();
        }
    }
}

async fn wait(
    env: &Env,
    watch: &mut Watch,
    due: Option<Instant>,
    retry: Option<Instant>,
    interval_ends: Instant,
) -> Wake {
    let sleep_until = |deadline: Instant| env.clock.sleep(deadline.saturating_duration_since(env.clock.now()));
    let interval = async {
        sleep_until(interval_ends).await;
        Wake::Interval
    };
    let at = |instant: Option<Instant>, wake| async move {
        match instant {
            Some(instant) => sleep_until(instant).await,
            None => std::future::pending().await,
        }
        wake
    };
    let (due, retry) = (at(due, Wake::Due), at(retry, Wake::Retry));
    let changed = async { Wake::Changed(watch.changed().await) };
    // The first that is ready counts. The interval comes first: it covers all of the others.
    interval.or(due).or(retry).or(changed).await
}

async fn wanted(on_demand: &OnDemand) -> Wake {
    on_demand.wanted().await;
    Wake::Wanted
}

#[cfg(test)]
mod tests;
