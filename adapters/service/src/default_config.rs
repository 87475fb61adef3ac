//! What headcount does without a configuration: it shows what listens on this machine.

use std::time::Duration;

use headcount_backends::local::LocalSd;
use headcount_config::{Config, Global, ScrapeConfig};
use headcount_discoverer::mechanism::SdConfig;
use headcount_reader::ShownYaml;

/// The one job.
const JOB: &str = "local";

/// How often sockets are listed. It costs about as much as `ss -l`.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// The built-in configuration.
pub(crate) fn config() -> Config {
    let local = SdConfig::new(LocalSd::new(REFRESH_INTERVAL));
    Config {
        scrape_configs: vec![ScrapeConfig::new(JOB, vec![local], &Global::default())],
        redacted: ShownYaml::as_is(
            "# headcount runs without a configuration file: the job `local` is what listens on this machine.\n",
        ),
        ..Config::default()
    }
}
