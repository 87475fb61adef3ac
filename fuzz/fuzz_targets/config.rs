//! Any bytes read as a `prometheus.yml` without files or environment: a config, or problems with
//! their places.
#![no_main]

use headcount_config::Loader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let loader = Loader::new(headcount_backends::registry()).allow_unsupported(true);
    match loader.parse_isolated(bytes) {
        Ok(config) => {
            let again = loader.parse_isolated(bytes).expect("it could be read before");
            assert_eq!(config.redacted.text(), again.redacted.text());
        }
        Err(errors) => {
            assert!(!errors.problems.is_empty());
            assert!(errors.problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
});
