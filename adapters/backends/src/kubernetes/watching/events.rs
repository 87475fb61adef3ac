//! What a watch says: events, one a line.

use headcount_discoverer::refresh::RefreshError;
use serde::Deserialize;
use serde_json::Value;

use super::super::kind::Kind;
use super::super::object::{Nonsense, Object};
use super::asking::{ErrorBody, Refused};
use super::store::Change;

/// What some lines of a watch have said.
#[derive(Default)]
pub(super) struct Events {
    pub(super) changes: Vec<Change>,
    /// Up to where everything is known now, if that was said.
    pub(super) version: Option<String>,
    /// The keys of objects that made no sense, where they have one.
    pub(super) unreadable: Vec<Option<String>>,
    /// Whether a bookmark has said that this was all that there was at first.
    pub(super) is_all: bool,
}

/// An event; the object as it is written.
struct Event<'l> {
    kind: String,
    object: &'l [u8],
}

impl Events {
    /// Takes in what a line says. Empty ones say nothing.
    pub(super) fn add(&mut self, kind: Kind, line: &[u8]) -> Result<(), Refused> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let Some(event) = split(line) else {
            return Err(RefreshError::soon("the watch says something that is no event").into());
        };
        let object = event.object;
        match event.kind.as_str() {
            "ERROR" => {
                let error: ErrorBody = serde_json::from_slice(object).unwrap_or_default();
                let reason = error.reason.as_deref();
                if error.code == Some(410) || matches!(reason, Some("Expired" | "Gone")) {
                    return Err(Refused::Gone);
                }
                let message = error.message.unwrap_or_default();
                let message = format!("the watch ended with an error: {}", message.escape_debug());
                return Err(RefreshError::soon(message).into());
            }
            "BOOKMARK" => {
                let version = Nonsense::of(kind, object).version;
                if ends_what_there_was(object) {
                    if version.is_none() {
                        return Err(RefreshError::soon("the list does not say its version").into());
                    }
                    self.is_all = true;
                }
                self.is_at(version);
            }
            "ADDED" | "MODIFIED" | "DELETED" => self.changed(kind, object, event.kind == "DELETED"),
            // Of later versions of Kubernetes.
            _ => {}
        }
        Ok(())
    }

    fn changed(&mut self, kind: Kind, object: &[u8], is_gone: bool) {
        match Object::read(kind, object) {
            Ok(named) => {
                self.is_at(Some(named.version));
                let object = (!is_gone).then_some(named.object);
                self.changes.push(Change { key: named.key, object });
            }
            // That it is gone is clear, whatever it was.
            Err(Nonsense {
                key: Some(key),
                version,
            }) if is_gone => {
                self.is_at(version);
                self.changes.push(Change { key, object: None });
            }
            Err(nonsense) => {
                self.is_at(nonsense.version);
                self.unreadable.push(nonsense.key);
            }
        }
    }

    fn is_at(&mut self, version: Option<String>) {
        if let Some(version) = version.filter(|version| !version.is_empty()) {
            self.version = Some(version);
        }
    }
}

/// Whether a bookmark is the one after all that there was at first.
fn ends_what_there_was(bookmark: &[u8]) -> bool {
    let bookmark: Value = serde_json::from_slice(bookmark).unwrap_or_default();
    let annotations = bookmark
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"));
    let mark = annotations.and_then(|annotations| annotations.get("k8s.io/initial-events-end"));
    mark.and_then(Value::as_str) == Some("true")
}

fn split(line: &[u8]) -> Option<Event<'_>> {
    #[derive(Deserialize)]
    struct Parts<T> {
        #[serde(rename = "type")]
        kind: String,
        object: T,
    }
    let parts: Parts<&serde_json::value::RawValue> = serde_json::from_slice(line).ok()?;
    Some(Event {
        kind: parts.kind,
        object: parts.object.get().as_bytes(),
    })
}
