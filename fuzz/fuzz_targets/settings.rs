//! Any bytes read as a `headcount.yml` beside a `prometheus.yml`: settings, or problems with their places.
#![no_main]

use std::ffi::OsString;
use std::io;
use std::path::Path;

use headcount_config::{Loader, Surroundings};
use headcount_reader::pattern::Folders;
use libfuzzer_sys::fuzz_target;

const MAIN: &str = "scrape_configs: [{job_name: node}, {job_name: cmdb}]";

/// One file.
struct Settings<'a>(&'a [u8]);

impl Folders for Settings<'_> {
    fn names(&self, _: &Path) -> Vec<OsString> {
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }
}

impl Surroundings for Settings<'_> {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

fuzz_target!(|bytes: &[u8]| {
    let loader = Loader::new(headcount_backends::registry()).settings("/headcount.yml");
    let parse = || loader.parse(MAIN.as_bytes(), Path::new("/prometheus.yml"), &Settings(bytes));
    match parse() {
        Ok(config) => {
            let again = parse().expect("it could be read before");
            assert_eq!(config.settings, again.settings);
            assert!(config.settings.jobs.keys().all(|name| {
                let mut jobs = config.scrape_configs.iter();
                jobs.any(|job| job.job_name == *name)
            }));
        }
        Err(errors) => {
            assert!(!errors.problems.is_empty());
            assert!(
                errors
                    .problems
                    .iter()
                    .all(|problem| problem.file.as_ref() == Path::new("/headcount.yml"))
            );
        }
    }
});
