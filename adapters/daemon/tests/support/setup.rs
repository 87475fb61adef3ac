//! A folder to run headcount in.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::Daemon;

/// A folder with a prometheus.yml and the file of its one job, `node`.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    pub(crate) config: PathBuf,
    pub(crate) targets: PathBuf,
}

/// The configuration that a setup begins with.
pub(crate) const CONFIG: &str = "scrape_configs: [{job_name: node, file_sd_configs: [{files: ['targets*.json']}]}]";

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, targets) = (folder.path().join("prometheus.yml"), folder.path().join("targets.json"));
        fs::write(&config, CONFIG).expect("written");
        fs::write(&targets, r#"[{"targets": ["a:9100"], "labels": {"rack": "1"}}]"#).expect("written");
        Self {
            folder,
            config,
            targets,
        }
    }

    /// Another configuration in place of the one that there is.
    pub(crate) fn write(&self, config: &str) {
        fs::write(&self.config, config).expect("written");
    }

    /// Settings beside the configuration.
    pub(crate) fn write_settings(&self, settings: &str) {
        fs::write(self.folder.path().join("headcount.yml"), settings).expect("written");
    }

    pub(crate) fn start(&self, options: &[&str]) -> Daemon {
        Daemon::with_config(&self.config, options)
    }
}
