//! The states of a service's managers, in one folder.
//!
//! The one rule: **whatever is wrong here is said, and nothing is stopped by it.**

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use async_channel::{Receiver, Sender};
use headcount_config::LoadErrors;
use headcount_core::SavedState;
use headcount_discoverer::Env;
use headcount_discoverer::env::Clock;
use headcount_discoverer::mechanism::SdConfig;

use super::codec::About;
use super::folder::{Folder, FolderError};
use super::image::{self, Image};
use super::members::{self, MembersSaver};
use super::restore::{Kept, Left, Restored, lacks_some, restore};
use super::retry::Retry;
use super::saver::Saver;
use super::store::{base_path, log_path};
use super::{StateError, Status};
use crate::discovery::Managed;
use crate::targets::{KeptMembers, Targets};

/// Names in one message of the log.
const MOST_NAMED: usize = 20;

/// Whether something was saved of a manager that the configs of these sets have not. Reads files.
pub(crate) fn has_more(folder: &Path, manager: &str, sets: &[(String, Vec<SdConfig>)]) -> bool {
    // What can't be read is said when it is to be used.
    let image = image::read_own(folder, manager).ok().flatten();
    image.is_some_and(|image| lacks_some(image, sets))
}

/// Keeps the states of managers.
pub(crate) struct States {
    folder: Arc<Folder>,
    config: Arc<str>,
    status: Arc<Status>,
    clock: Arc<dyn Clock>,
    // Nothing is ever sent: closing is the message.
    stop: Sender<Infallible>,
    stopped: Receiver<Infallible>,
    ending: Mutex<Option<Sender<Infallible>>>,
    ended: Receiver<Infallible>,
    /// What is in the files of managers that nobody follows yet.
    kept: Mutex<HashMap<String, Kept>>,
}

impl States {
    /// Takes the folder; `None` when another process has it. `config` is what is configured, for people.
    pub(crate) fn open(path: PathBuf, config: &str, clock: Arc<dyn Clock>) -> Option<Self> {
        let folder = Folder::new(path);
        match folder.ensure() {
            // That it can't be written to is said when that is tried.
            Ok(()) | Err(FolderError::System { .. }) => {}
            Err(error @ FolderError::Taken(_)) => {
                tracing::warn!(
                    %error,
                    "this one runs without saved state; give it a folder of its own with --state-dir, or --no-state"
                );
                return None;
            }
        }
        let (stop, stopped) = async_channel::bounded(1);
        let (ending, ended) = async_channel::bounded(1);
        Some(Self {
            folder: Arc::new(folder),
            config: config.into(),
            status: Arc::default(),
            clock,
            stop,
            stopped,
            ending: Mutex::new(Some(ending)),
            ended,
            kept: Mutex::default(),
        })
    }

    /// What was saved of a manager, for the configs of these sets. Reads files, and says in the log what comes of it.
    ///
    /// # Errors
    /// What is wrong with the configuration (`emptied`), if there is something of a source that it does not have any more.
    /// Nothing is done then.
    pub(crate) fn restore(
        &self,
        manager: &'static str,
        sets: &[(String, Vec<SdConfig>)],
        emptied: Option<&LoadErrors>,
    ) -> Result<Option<SavedState<SdConfig>>, LoadErrors> {
        match image::read_own(self.folder.path(), manager) {
            Ok(Some(image)) => self.share_out(manager, image, sets, emptied).map(Some),
            Ok(None) => Ok(None),
            Err(error) => {
                self.refuse(manager, &error);
                Ok(None)
            }
        }
    }

    fn share_out(
        &self,
        manager: &str,
        mut image: Image,
        sets: &[(String, Vec<SdConfig>)],
        emptied: Option<&LoadErrors>,
    ) -> Result<SavedState<SdConfig>, LoadErrors> {
        let (torn, refused_log) = (image.torn, image.refused_log.take());
        let age = self.clock.now().saturating_duration_since(image.at);
        let Restored { state, left, kept, .. } = restore(image, sets);
        if let Some(errors) = emptied.filter(|_| left.iter().any(|left| left.targets > 0)) {
            return Err(errors.clone());
        }
        if let Some(error) = &refused_log {
            let log = log_path(self.folder.path(), manager);
            tracing::warn!(manager, %error, "the newest changes that were saved can't be used; what was saved before them is");
            keep_aside(manager, &log, &log.with_extension("log.refused"));
        } else if torn > 0 {
            tracing::info!(
                manager,
                bytes = torn,
                "the last change that was being saved is not whole, and left out"
            );
        }
        self.keep(manager, kept);
        let (providers, targets) = (state.providers().len(), state.target_count());
        if providers > 0 {
            let age_seconds = age.as_secs();
            tracing::info!(
                manager,
                providers,
                targets,
                age_seconds,
                "what was found before the restart is served until it is known better"
            );
        }
        for saved in state.providers() {
            let described = headcount_core::ProviderConfig::describe(saved.config());
            let targets = saved.groups().target_count();
            let as_of = saved.as_of().unwrap_or(state.at());
            let age_seconds = self.clock.now().saturating_duration_since(as_of).as_secs();
            let kind = saved.config().mechanism();
            tracing::debug!(manager, kind, description = described, targets, age_seconds, "restored");
        }
        say_left(manager, &left);
        Ok(state)
    }

    /// Has who follows go on with the files, if they are such as it writes.
    fn keep(&self, manager: &str, kept: Kept) {
        if kept.about == About::of(manager, &self.config) {
            let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(manager.to_owned(), kept);
        }
    }

    /// Says why, and keeps the file for who wants to look at it: the next one takes its place.
    fn refuse(&self, manager: &str, error: &StateError) {
        let file = match error {
            StateError::NoBase { path } => path.clone(),
            _ => base_path(self.folder.path(), manager),
        };
        self.put_aside(manager, error, &file);
    }

    fn put_aside(&self, manager: &str, error: &StateError, file: &Path) {
        let aside = match error {
            // Beside a base that was put aside before.
            StateError::NoBase { .. } => file.with_extension("log.refused"),
            _ => file.with_extension("refused"),
        };
        let source = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(
            manager,
            %error,
            source,
            "what was saved can't be used; starting without it, as after a first installation"
        );
        keep_aside(manager, file, &aside);
    }

    /// Writes what this manager has from now on.
    pub(crate) fn follow(&self, managed: Arc<Managed>, env: &Env) {
        let manager = managed.name();
        let (clock, random) = (env.clock.clone(), env.random.clone());
        let (folder, status) = (self.folder.clone(), self.status.clone());
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(manager);
        let saver = Saver::new(managed, folder, status, (clock, random), self.config.clone()).after(kept);
        let stopped = self.stopped.clone();
        self.run(manager, move || smol::block_on(saver.run(stopped)));
    }

    /// What was saved of the members of this configuration.
    pub(crate) fn restore_members(&self) -> Option<KeptMembers> {
        let image = match members::read(self.folder.path()) {
            Ok(image) => image?,
            Err(error) => {
                self.put_aside(members::MEMBERS, &error, &members::path_in(self.folder.path()));
                return None;
            }
        };
        if *image.about.config != *self.config {
            tracing::info!(
                config = image.about.config,
                "members of another configuration were saved; they are not used"
            );
            return None;
        }
        let age_seconds = self.clock.now().saturating_duration_since(image.at).as_secs();
        let (members, handovers) = (image.kept.shares.members.len(), image.kept.shares.handovers.len());
        tracing::info!(
            members,
            handovers,
            age_seconds,
            "members keep what they had before the restart"
        );
        Some(image.kept)
    }

    /// Writes who the members are from now on. `kept` is what is in the file.
    pub(crate) fn follow_members(&self, targets: Arc<Targets>, kept: Option<KeptMembers>) {
        let saver = MembersSaver {
            targets,
            folder: self.folder.clone(),
            status: self.status.clone(),
            clock: self.clock.clone(),
            config: self.config.clone(),
            written: kept,
            retry: Retry::default(),
        };
        let stopped = self.stopped.clone();
        self.run(members::MEMBERS, move || smol::block_on(saver.run(stopped)));
    }

    /// Runs this on a thread of its own. [`stop`](Self::stop) waits for it.
    fn run(&self, what: &'static str, run: impl FnOnce() + Send + 'static) {
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let run = move || {
            run();
            drop(ending);
        };
        let thread = thread::Builder::new().name(format!("state-{what}"));
        if let Err(error) = thread.spawn(run) {
            tracing::warn!(manager = what, %error, "there is no thread that saves what is found; going on without");
        }
    }

    /// How writing fares.
    pub(crate) fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Writes what there is, and waits for that.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        drop(self.ending);
        self.ended.recv().await.ok();
    }
}

fn keep_aside(manager: &str, file: &Path, aside: &Path) {
    if fs::rename(file, aside).is_ok() {
        tracing::info!(manager, file = %aside.display(), "the file is kept under this name");
    }
}

fn say_left(manager: &str, left: &[Left]) {
    for Left {
        kind,
        description,
        targets,
    } in left.iter().take(MOST_NAMED)
    {
        let (kind, description) = (&**kind, &**description);
        tracing::info!(
            manager,
            kind,
            description,
            targets,
            "the configuration has no such source any more; what was found there is forgotten"
        );
    }
    let more = left.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        let targets: usize = left.iter().skip(MOST_NAMED).map(|left| left.targets).sum();
        tracing::info!(
            manager,
            more,
            targets,
            "and more sources that the configuration has no more"
        );
    }
}
