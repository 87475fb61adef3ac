//! The web configuration as it is now.
//!
//! Its file and those that it names are looked at when somebody comes, and at most once a second; what has changed is read
//! again. **What is wrong changes nothing, and is said once.** Whether TLS is spoken stays as it was at the start: a file
//! that leaves it out by mistake does not have passwords sent in the clear.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use blocking::unblock;
use headcount_reader::{LoadErrors, Secret};
use http::HeaderMap;

use super::settings::{self, Loaded};
use super::users::Verdicts;
use super::{WebConfig, credentials};

/// How long nobody looks again.
const PAUSE: Duration = Duration::from_secs(1);

/// A configuration that follows its files; or none, and nothing is asked for.
pub(crate) struct WatchedConfig {
    file: Option<PathBuf>,
    current: ArcSwap<WebConfig>,
    looked: Mutex<Looked>,
    verdicts: Verdicts,
}

/// When the files were looked at, and what they were.
struct Looked {
    at: Instant,
    files: Vec<(PathBuf, Stamp)>,
}

/// What tells that a file is another.
type Stamp = Option<(SystemTime, u64, u64)>;

impl WatchedConfig {
    /// None.
    pub(crate) fn none() -> Self {
        Self::new(None, WebConfig::default(), Vec::new())
    }

    /// Reads the file. Blocks while it does.
    pub(crate) fn load(file: &Path) -> Result<Self, LoadErrors> {
        let (loaded, stamps) = load(file);
        Ok(Self::new(Some(file.to_owned()), loaded?, stamps))
    }

    fn new(file: Option<PathBuf>, config: WebConfig, files: Vec<(PathBuf, Stamp)>) -> Self {
        Self {
            file,
            current: ArcSwap::from_pointee(config),
            looked: Mutex::new(Looked {
                at: Instant::now(),
                files,
            }),
            verdicts: Verdicts::new(),
        }
    }

    /// Whether TLS is spoken, now and later.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.current.load().tls.is_some()
    }

    /// What counts now.
    pub(in crate::server) async fn current(&self) -> Arc<WebConfig> {
        if let Some(file) = &self.file
            && let Some(known) = self.is_due(Instant::now())
        {
            let file = file.clone();
            let changed = unblock(move || {
                let is_other = known.iter().any(|(path, before)| stamp(path) != *before);
                is_other.then(|| load(&file))
            });
            if let Some((config, stamps)) = changed.await {
                self.take(config, stamps);
            }
        }
        self.current.load_full()
    }

    /// Whether whoever asks is one of the users, if it has to be.
    pub(in crate::server) async fn lets_in(&self, config: &WebConfig, headers: &HeaderMap) -> bool {
        if config.users.is_empty() {
            return true;
        }
        match credentials(headers) {
            Some((name, password)) => self.allow(config, &name, &password).await,
            None => false,
        }
    }

    async fn allow(&self, config: &WebConfig, name: &str, password: &Secret) -> bool {
        self.verdicts.allow(&config.users, name, password).await
    }

    /// The files as they were, if it is time to look again. Only one looks.
    fn is_due(&self, now: Instant) -> Option<Vec<(PathBuf, Stamp)>> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(looked.at) < PAUSE {
            return None;
        }
        looked.at = now;
        Some(looked.files.clone())
    }

    fn take(&self, config: Result<WebConfig, LoadErrors>, files: Vec<(PathBuf, Stamp)>) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).files = files;
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        let before = self.current.load();
        match config {
            Err(errors) => {
                let problems = errors.to_string().replace('\n', "; ");
                tracing::error!(%file, problems, "the web configuration is wrong; the one before goes on");
            }
            Ok(new) if new.tls.is_some() != before.tls.is_some() => {
                tracing::error!(%file, "the web configuration turns TLS on or off, which takes a restart; the one before goes on");
            }
            Ok(mut new) => {
                if let (Some(old), Some(limiter)) = (&before.limiter, &new.limiter)
                    && limiter.is_like(old)
                {
                    // Whoever replaces a certificate does not mean to let a flood in.
                    new.limiter = new.limiter.take().map(|limiter| limiter.with_state_of(old));
                }
                self.current.store(Arc::new(new));
                tracing::info!(%file, "the web configuration was read again");
            }
        }
    }
}

fn load(file: &Path) -> (Result<WebConfig, LoadErrors>, Vec<(PathBuf, Stamp)>) {
    // Which files there are is known when they were read. They are read once more after they were looked at, so that what
    // changes meanwhile is seen the next time.
    let named = settings::load(file).files.into_iter();
    let stamps = named
        .map(|path| (stamp(&path), path))
        .map(|(stamp, path)| (path, stamp))
        .collect();
    let Loaded { config, .. } = settings::load(file);
    (config, stamps)
}

fn stamp(path: &Path) -> Stamp {
    let found = path.metadata().ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    Some((found.modified().ok()?, found.len(), number))
}
