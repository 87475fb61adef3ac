//! Reading what is large in JSON.

mod bytes;
mod reader;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use reader::Reader;

/// Reads a value, as `serde_json::from_slice` does, and sooner: from a text, by a [`Reader`] of our own. What that refuses, and
/// what is no text, `serde_json` reads, so that the same is refused, for the same reason.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(json) {
        Ok(text) => whole(text).map_or_else(|| serde_json::from_str(text), Ok),
        Err(_) => serde_json::from_slice(json),
    }
}

/// What a text is, unless that is for `serde_json` to say.
fn whole<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader).ok()?;
    reader.is_at_end().then_some(value)
}

/// The value with which a text begins, and how many bytes are its. Nothing if it makes no sense, or goes on.
#[cfg(feature = "kube-objects")]
pub(crate) fn begin<'de, T: Deserialize<'de>>(text: &'de str) -> Option<(T, usize)> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader).ok()?;
    Some((value, reader.place()))
}

/// What of these bytes, from their beginning on, is UTF-8.
#[cfg(feature = "kube-objects")]
pub(crate) fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    }
}
