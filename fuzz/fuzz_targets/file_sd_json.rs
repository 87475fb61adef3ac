//! Any bytes read as a JSON list of target groups. What is taken must have as many groups and
//! targets as a plain JSON parser sees; what is refused leaves nothing open.
#![no_main]

use headcount_backends::target_groups::{Origin, json};
use headcount_core::Encoder;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let mut encoder = Encoder::new();
    let mut batch = encoder.batch();
    let origin = Origin {
        name: "targets.json",
        label: "__meta_filepath",
    };
    let Ok(counts) = json::decode(bytes, origin, &mut batch) else {
        return;
    };
    let groups = batch.finish();
    assert_eq!(groups.len(), counts.groups);
    assert_eq!(
        groups.iter().map(|group| group.target_count()).sum::<usize>(),
        counts.targets
    );
    assert!(
        groups
            .iter()
            .all(|group| group.labels().get("__meta_filepath") == Some("targets.json"))
    );

    let value: Value = serde_json::from_slice(bytes).expect("what was taken is JSON");
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(entries.len(), counts.groups);
    let targets = |entry: &Value| {
        let fields = entry.as_object().into_iter().flatten();
        let lists = fields
            .filter(|(name, _)| is_targets(name))
            .filter_map(|(_, value)| value.as_array());
        lists.map(Vec::len).sum::<usize>()
    };
    assert_eq!(entries.iter().map(targets).sum::<usize>(), counts.targets);
});

/// Field names are those of Go: case does not matter, and the long s is an s.
fn is_targets(name: &str) -> bool {
    name.replace('\u{17f}', "s").eq_ignore_ascii_case("targets")
}
