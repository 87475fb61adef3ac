//! Service-discovery mechanisms, one module each.
//!
//! [`build`] turns the settings of one `*_sd_configs` entry into a discoverer. What a mechanism
//! does is Prometheus's: the same requests, the same sources, the same `__meta_` labels, so that
//! relabelling rules written for Prometheus mean the same here. **No mechanism ever takes targets
//! away because something could not be read**: a failure is reported, and what was found before
//! stays.
//!
//! * [`mod@static`]: targets written in the configuration.
//! * [`mod@file`]: lists of targets in JSON and YAML files that are watched.
//! * [`http`]: lists of targets that a server sends as JSON.
//! * [`local`]: what listens on this machine. headcount's own.
//! * [`target_groups`]: the format that files and servers share.

pub mod file;
mod fingerprint;
pub mod http;
pub mod local;
pub mod r#static;
pub mod target_groups;

use headcount_discoverer::settings::SdConfig;
use headcount_discoverer::{BuildError, Discoverer};

/// Makes the discoverer that an entry of a `*_sd_configs` list asks for.
///
/// ```
/// use headcount_discoverer::settings::{SdConfig, StaticGroup, StaticSettings};
///
/// let group = StaticGroup { targets: vec!["10.0.0.1:9100".to_owned()], labels: Vec::new() };
/// let discoverer = headcount_backends::build(&SdConfig::Static(StaticSettings { groups: vec![group] }));
/// assert!(discoverer.is_ok());
/// ```
///
/// # Errors
/// The mechanism is not supported, or the settings can never work. What may work later (a server
/// that is down, a file that is not there yet) is no error here: the discoverer reports it.
pub fn build(config: &SdConfig) -> Result<Box<dyn Discoverer>, BuildError> {
    match config {
        SdConfig::Static(settings) => r#static::build(settings),
        SdConfig::File(settings) => file::build(settings),
        SdConfig::Http(settings) => http::build(settings),
        SdConfig::Local(settings) => local::build(settings),
        SdConfig::Unsupported { mechanism, .. } => Err(BuildError::Unsupported {
            mechanism: mechanism.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mechanism_that_does_not_run_yet_is_named() {
        let config = SdConfig::Unsupported {
            mechanism: "consul".to_owned(),
            entry: "server: c:8500".to_owned(),
        };
        let error = build(&config)
            .err()
            .map(|error| error.to_string())
            .expect("not supported");
        assert!(error.starts_with("consul_sd is not supported yet"), "{error}");
    }
}
