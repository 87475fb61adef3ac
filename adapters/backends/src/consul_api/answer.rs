//! How Consul writes things down: `null` is nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// Reads `null` as what is not there, as Go does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What a body says.
pub(crate) fn decode<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice::<Option<T>>(body).map(Option::unwrap_or_default)
}

/// Text in a map or a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(#[serde(deserialize_with = "or_default")] pub(crate) String);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn null_is_nothing_wherever_it_stands() {
        let texts: BTreeMap<String, Text> = decode(br#"{"a": null, "b": "c"}"#).expect("it can be read");
        assert_eq!((texts["a"].0.as_str(), texts["b"].0.as_str()), ("", "c"));
        assert_eq!(decode::<Vec<Text>>(b"null").expect("it can be read"), []);
        assert!(decode::<Vec<Text>>(b"").is_err() && decode::<Vec<Text>>(br#"{"a": "b"}"#).is_err());
    }
}
