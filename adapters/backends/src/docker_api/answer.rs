//! How the Engine writes things down: `null` is nothing, and so is what is absent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Texts by their keys, such as the labels of an object.
pub(crate) type Texts = BTreeMap<String, Text>;

/// Reads `null` as what is not there, as Go does.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Text in a map or a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text(#[serde(deserialize_with = "or_default")] pub(crate) String);

/// The objects of a list, and how many made no sense. `null` is an empty list.
pub(super) fn list<T: DeserializeOwned>(body: &[u8]) -> Result<(Vec<T>, usize), serde_json::Error> {
    let raw: Option<Vec<&RawValue>> = crate::json::from_slice(body)?;
    let raw = raw.unwrap_or_default();
    let count = raw.len();
    // As a list an object could be read, too: its fields by their places.
    let objects = raw.into_iter().filter(|raw| raw.get().starts_with('{'));
    let objects: Vec<T> = objects.filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
    let skipped = count.saturating_sub(objects.len());
    Ok((objects, skipped))
}

/// What goes wrong, in the words of the Engine.
pub(super) fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorBody {
        message: String,
    }
    let said: ErrorBody = crate::json::from_slice(body).ok()?;
    Some(said.message).filter(|message| !message.is_empty())
}

/// An address as it is written by everybody; none if it is none.
pub(crate) fn address(text: &str) -> Option<String> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_string())
}

/// The address of `10.0.0.3/24`.
pub(crate) fn prefix_address(text: &str) -> Option<String> {
    let (ip, bits) = text.split_once('/').unwrap_or((text, "0"));
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>()
        .is_ok_and(|bits| bits <= most)
        .then(|| ip.to_string())
}

/// As labels have it.
pub(crate) fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        #[serde(default, deserialize_with = "or_default")]
        name: String,
    }

    #[test]
    fn an_object_that_makes_no_sense_is_left_out_of_its_list() {
        let body = br#"[{"name": "a"}, {"name": 1}, null, ["b"], {}, {"name": null}, "c"]"#;
        let (things, skipped) = list::<Thing>(body).expect("a list");
        let names: Vec<&str> = things.iter().map(|thing| thing.name.as_str()).collect();
        assert_eq!((names, skipped), (vec!["a", "", ""], 4));
        assert_eq!(list::<Thing>(b"null").expect("a list").0.len(), 0);
        for body in ["", "{}", "[{\"name\": \"a\"}", "[] []", "<html>"] {
            assert!(list::<Thing>(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn addresses_are_written_as_everybody_does() {
        assert_eq!(address("FD00:0:0::1").as_deref(), Some("fd00::1"));
        assert_eq!(address(""), None);
        assert_eq!(address("10.0.0.3/24"), None);
        assert_eq!(prefix_address("10.0.0.3/24").as_deref(), Some("10.0.0.3"));
        assert_eq!(prefix_address("fd00::3/64").as_deref(), Some("fd00::3"));
        for text in ["", "10.0.0.3/33", "10.0.0.3/", "a/24", "10.0.0.3/24/1"] {
            assert_eq!(prefix_address(text), None, "{text}");
        }
    }

    #[test]
    fn what_the_engine_says_is_found() {
        let said = message(br#"{"message": "This node is not a swarm manager."}"#);
        assert_eq!(said.as_deref(), Some("This node is not a swarm manager."));
        assert_eq!(message(b"page not found"), None);
        assert_eq!(message(b"{\"message\": \"\"}"), None);
    }
}
