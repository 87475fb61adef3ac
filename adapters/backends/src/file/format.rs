//! What a file holds, which its ending says.

use headcount_core::Batch;

use crate::target_groups::{Counts, DecodeError, Origin, json, yaml};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl Format {
    pub(super) fn of(path: &str) -> Self {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_yaml = ["yml", "yaml"].iter().any(|yaml| ending.eq_ignore_ascii_case(yaml));
        if is_yaml { Self::Yaml } else { Self::Json }
    }
}

/// Decodes the list in the file at `path`: YAML if it ends so, and else JSON.
///
/// # Errors
/// The first mistake, and where it is; the batch may have groups of it then.
pub fn decode(path: &str, bytes: &[u8], batch: &mut Batch<'_>) -> Result<Counts, DecodeError> {
    let origin = Origin {
        name: path,
        label: "__meta_filepath",
    };
    match Format::of(path) {
        Format::Json => json::decode(bytes, origin, batch),
        Format::Yaml => yaml::decode(bytes, origin, batch),
    }
}
