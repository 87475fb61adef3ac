//! The list as JSON: `http_sd` bodies and `.json` files.

use headcount_core::Batch;
use headcount_discoverer::env::Cause;
use serde::de::DeserializeSeed;

use super::collected::LastOfEqual;
use super::entry::{FieldNames, ListSeed};
use super::sink::{Receiver, Sink};
use super::{Counts, DecodeError, Origin, go_json};

/// Adds the groups of a JSON list to `batch`, and says how many there were.
///
/// ```
/// use headcount_backends::target_groups::{Origin, json};
/// use headcount_core::Encoder;
///
/// let mut encoder = Encoder::new();
/// let mut batch = encoder.batch();
/// let origin = Origin { name: "http://sd.example/list", label: "__meta_url" };
/// let body = br#"[{"targets": ["10.0.0.1:9100"], "labels": {"rack": "1"}}]"#;
/// assert_eq!(json::decode(body, origin, &mut batch)?.groups, 1);
///
/// let groups = batch.finish();
/// assert_eq!(groups[0].source(), "http://sd.example/list:0");
/// assert_eq!(groups[0].labels().get("__meta_url"), Some("http://sd.example/list"));
/// # Ok::<(), headcount_backends::target_groups::DecodeError>(())
/// ```
///
/// # Errors
/// The list is refused as a whole. The groups before the entry that was wrong are in the batch
/// all the same: who goes on with the batch has to leave them out.
pub fn decode(bytes: &[u8], origin: Origin<'_>, batch: &mut Batch<'_>) -> Result<Counts, DecodeError> {
    let text = go_json::text(bytes);
    let mut sink = Sink::new(batch, origin, usize::MAX);
    let mut result = read(&text, &mut sink);
    if result.is_err() && sink.refused.is_none() {
        // Most lists never come here, and cost nothing for what Go's decoder takes of others.
        let mended = go_json::with_whole_surrogates(&text);
        if mended.is_some() || sink.has_repeated {
            result = read(mended.as_deref().unwrap_or(&text), &mut LastOfEqual::new(&mut sink));
        }
    }
    result.map(|()| sink.done()).map_err(|error| refusal(error, &sink))
}

fn read(text: &str, receiver: &mut impl Receiver) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let names = FieldNames::AnyCase;
    let list = ListSeed { receiver, names };
    list.deserialize(&mut deserializer).and_then(|()| deserializer.end())
}

fn refusal(error: serde_json::Error, sink: &Sink<'_, '_>) -> DecodeError {
    let (line, column) = (error.line() as u64, error.column() as u64);
    match (&sink.refused, sink.open_entry()) {
        (Some(error), Some(entry)) => DecodeError::Group {
            entry,
            line,
            column,
            error: error.clone(),
        },
        (_, entry) => DecodeError::Malformed {
            entry,
            cause: Cause::new(error),
        },
    }
}
