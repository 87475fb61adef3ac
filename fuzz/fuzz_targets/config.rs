//! Any bytes read as a `prometheus.yml` without files or environment: a config, or problems with
//! their places.
#![no_main]

use headcount_config::parse_isolated;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse_isolated(bytes) {
        Ok(config) => {
            let again = parse_isolated(bytes).expect("it could be read before");
            assert_eq!(config.redacted, again.redacted);
        }
        Err(errors) => {
            assert!(!errors.problems.is_empty());
            assert!(errors.problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
});
