//! What an entry of `file_sd_configs` says.

use std::sync::Arc;
use std::time::Duration;

use headcount_discoverer::Discoverer;
use headcount_discoverer::mechanism::{Mechanism, Place};
use headcount_discoverer::metrics::Definition;
use headcount_reader::{Fields, Mentioned, ProblemKind, join};

use super::patterns::{FilePatternError, Patterns};
use super::{FileDiscoverer, METRICS};

/// How often everything is read where the entry says nothing; Prometheus's.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

/// One entry of `file_sd_configs`.
///
/// ```
/// use std::time::Duration;
/// use headcount_backends::file::FileSd;
///
/// let lists = FileSd::new(["/etc/prometheus/targets/*.json"], Duration::from_secs(300))?;
/// assert!(FileSd::new(["/etc/prometheus/targets/*"], Duration::from_secs(300)).is_err());
/// # Ok::<(), headcount_backends::file::FilePatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileSd {
    pub(super) patterns: Patterns,
    pub(super) refresh_interval: Duration,
}

impl FileSd {
    /// Lists in the files that these patterns match, all read again every `refresh_interval`. Relative paths
    /// start in the current folder.
    ///
    /// # Errors
    /// There is no pattern, or one that is not allowed.
    pub fn new<'a>(
        files: impl IntoIterator<Item = &'a str>,
        refresh_interval: Duration,
    ) -> Result<Self, FilePatternError> {
        let mut patterns = Patterns::default();
        for file in files {
            patterns.add("".as_ref(), file)?;
        }
        if patterns.is_empty() {
            return Err(FilePatternError::None);
        }
        Ok(Self {
            patterns,
            refresh_interval,
        })
    }

    /// The patterns, as the configuration file is called: absolute if it is.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter()
    }

    /// How often everything is read.
    pub fn refresh_interval(&self) -> Duration {
        self.refresh_interval
    }
}

impl Mechanism for FileSd {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str = "lists of targets in JSON and YAML files that are watched";
    const METRICS: &'static [Definition] = &METRICS;

    fn read(fields: &mut Fields<'_>, place: &Place<'_>) -> Option<Self> {
        let files_at = fields.take("files");
        let files = files_at.as_ref().and_then(|at| at.texts()).unwrap_or_default();
        let at = files_at.unwrap_or_else(|| fields.at().clone());
        if files.is_empty() {
            at.report(ProblemKind::EmptyList { what: "path, in files" });
        }
        let mut patterns = Patterns::default();
        for (index, (file, position)) in files.iter().enumerate() {
            let suffix = format!("[{index}]");
            match patterns.add(place.called, file) {
                Ok(()) => {
                    // Whoever looks at it may say where it is.
                    let whole = join(place.folder, file).display().to_string();
                    at.mention_at(*position, &suffix, Mentioned::TargetLists(whole));
                }
                Err(error) => {
                    let kind = ProblemKind::Pattern {
                        pattern: file.clone(),
                        reason: error.to_string(),
                    };
                    at.report_at(*position, &suffix, kind);
                }
            }
        }
        Some(Self {
            patterns,
            refresh_interval: fields.interval("refresh_interval", DEFAULT_INTERVAL),
        })
    }

    fn describe(&self) -> String {
        self.files().collect::<Vec<_>>().join(", ")
    }

    fn refresh_interval(&self) -> Option<Duration> {
        Some(self.refresh_interval)
    }

    fn discoverer(self: Arc<Self>) -> Box<dyn Discoverer> {
        Box::new(FileDiscoverer { settings: self })
    }
}
