//! Any bytes read as a JSON list of target groups. What is taken must have as many groups and
//! targets as a plain JSON parser sees, where that takes it; what is refused leaves nothing open.
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

    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        // Go takes what is no character in a string, too: bytes that are not UTF-8, and halves of surrogate pairs.
        let is_mended = std::str::from_utf8(bytes).map_or(true, |text| text.contains("\\u"));
        assert!(is_mended, "what was taken as it is is JSON");
        return;
    };
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(entries.len(), counts.groups);
    let mut expected = 0;
    for entry in entries {
        let fields = entry.as_object().into_iter().flatten();
        let mut lists = fields.filter(|(name, _)| is_targets(name));
        expected += lists.next().and_then(|(_, value)| value.as_array()).map_or(0, Vec::len);
        if lists.next().is_some() {
            // The last one counts, and nobody knows here which one that is.
            return;
        }
    }
    assert_eq!(expected, counts.targets);
});

/// Field names are those of Go: case does not matter, and the long s is an s.
fn is_targets(name: &str) -> bool {
    name.replace('\u{17f}', "s").eq_ignore_ascii_case("targets")
}
