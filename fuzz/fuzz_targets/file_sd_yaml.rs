//! Any bytes read as a YAML list of target groups: all of it, or a refusal.
#![no_main]

use headcount_backends::target_groups::{Origin, yaml};
use headcount_core::Encoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let origin = Origin {
        name: "targets.yml",
        label: "__meta_filepath",
    };
    match yaml::decode(bytes, origin, &mut batch) {
        Ok(counts) => {
            let groups = batch.finish();
            assert_eq!(groups.len(), counts.groups);
            assert_eq!(
                groups.iter().map(|group| group.target_count()).sum::<usize>(),
                counts.targets
            );
            assert!(
                groups
                    .iter()
                    .all(|group| group.labels().get("__meta_filepath") == Some("targets.yml"))
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
