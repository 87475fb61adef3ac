//! The list as YAML: `.yml` and `.yaml` files.
//!
//! Numbers, booleans and dates are taken as they are written where a string is wanted, as
//! Prometheus does; anchors, aliases and merge keys work, within limits that no honest list meets.

use std::borrow::Cow;

use headcount_core::Batch;
use headcount_discoverer::env::Cause;
use serde::de::DeserializeSeed;

use super::entry::{FieldNames, ListSeed};
use super::sink::Sink;
use super::{Counts, DecodeError, Origin};

/// What aliases may expand a document to, in bytes of text: as much as the largest file that is
/// read, and little enough that a malicious file costs a second and no memory.
const TEXT_LIMIT: usize = 256 << 20;
/// What aliases may expand to, in parser events (a string is one, a list or map two): a hundred
/// thousand entries that share twenty labels.
const REPLAYED_EVENTS_LIMIT: usize = 4_000_000;

/// Adds the groups of a YAML list to `batch`, and says how many there were.
///
/// ```
/// use headcount_backends::target_groups::{Origin, yaml};
/// use headcount_core::Encoder;
///
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// let origin = Origin { name: "/etc/sd/web.yml", label: "__meta_filepath" };
/// let file = b"- targets: ['10.0.0.1:9100']\n  labels: {rack: 1}\n";
/// assert_eq!(yaml::decode(file, origin, &mut batch)?.groups, 1);
/// assert_eq!(batch.finish()[0].labels().get("rack"), Some("1"));
/// # Ok::<(), headcount_backends::target_groups::DecodeError>(())
/// ```
///
/// # Errors
/// As for [`json::decode`](super::json::decode). Also a label that is given twice. What stands behind the first document is
/// passed over, as in Prometheus, and [`Counts::ignored_from`] says where it begins.
pub fn decode(bytes: &[u8], origin: Origin<'_>, batch: &mut Batch<'_>) -> Result<Counts, DecodeError> {
    let text = text(bytes)?;
    let text = headcount_reader::as_yaml_1_1(&text).map_err(|error| DecodeError::Malformed {
        entry: None,
        cause: Cause::new(error),
    })?;
    let mut sink = Sink::new(batch, origin, TEXT_LIMIT);
    let mut is_whole = false;
    let decoded = serde_yaml::with_deserializer_from_str_with_options(&text, options(text.len()), |deserializer| {
        let list = ListSeed {
            receiver: &mut sink,
            names: FieldNames::Exact,
        };
        list.deserialize(deserializer)?;
        is_whole = true;
        Ok(())
    });
    match decoded {
        Ok(()) => Ok(sink.done()),
        // The list was read to its end, and the parser went on.
        Err(error) if is_whole => Ok(Counts {
            ignored_from: Some(error.location().map_or(0, |location| location.line())),
            ..sink.done()
        }),
        Err(error) => Err(refusal(error, &sink)),
    }
}

/// The text in `bytes`: UTF-8, or UTF-16 where its mark says so.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return headcount_reader::decode(bytes).map_err(|error| DecodeError::Malformed {
            entry: None,
            cause: Cause::new(error),
        });
    }
    super::text(bytes).map(Cow::Borrowed)
}

/// The parser's own limits, set so that they bound what aliases do and nothing else: a long list
/// is no reason to refuse it.
fn options(length: usize) -> serde_yaml::Options {
    // Every event of the document itself takes at least one byte, but for those at its ends; those
    // that aliases replay are counted too.
    let events = length
        .saturating_add(16)
        .saturating_add(REPLAYED_EVENTS_LIMIT.saturating_mul(2));
    serde_yaml::options! {
        emit_comments: false,
        with_snippet: false,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: REPLAYED_EVENTS_LIMIT },
        budget: serde_yaml::budget! {
            max_events: events,
            max_nodes: events,
            max_aliases: events,
            max_anchors: events,
            max_merge_keys: events,
            // Twice, so that the list's own limit is met first, which says what to do.
            max_total_scalar_bytes: TEXT_LIMIT.saturating_mul(2),
            enforce_alias_anchor_ratio: false,
        },
    }
}

fn refusal(error: serde_yaml::Error, sink: &Sink<'_, '_>) -> DecodeError {
    let (line, column) = error
        .location()
        .map_or((0, 0), |location| (location.line(), location.column()));
    match (&sink.refused, sink.open_entry()) {
        (Some(error), Some(entry)) => DecodeError::Group {
            entry,
            line,
            column,
            error: error.clone(),
        },
        (_, entry) => match error.without_snippet() {
            serde_yaml::Error::DuplicateMappingKey { key, .. } => DecodeError::RepeatedKey {
                entry,
                line,
                column,
                key: key.clone().unwrap_or_default(),
            },
            _ => DecodeError::Malformed {
                entry,
                cause: Cause::new(error),
            },
        },
    }
}
