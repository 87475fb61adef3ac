//! What PuppetDB answers: a list of resources.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::parameters::parameters;
use crate::answers::{Flag, List, Object, Text};

/// A resource, as it becomes a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Resource {
    pub(super) certname: String,
    /// A hash of what it is.
    pub(super) resource: String,
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) exported: bool,
    pub(super) tags: Vec<String>,
    pub(super) file: String,
    pub(super) environment: String,
    /// Labels, with their whole names.
    pub(super) parameters: Vec<(String, String)>,
}

/// What an answer lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) resources: Vec<Resource>,
    /// Entries that make no target.
    pub(super) skipped: usize,
}

/// Why an answer is no list of resources.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the answer is no list of resources: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "none of the {entries} entries of the answer has a certname; the query has to ask for resources, such as \
         resources {{ type = \"Class\" }}"
    )]
    NoResources { entries: usize },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    certname: Text,
    resource: Text,
    r#type: Text,
    title: Text,
    exported: Flag,
    tags: List<Text>,
    file: Text,
    environment: Text,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

/// The resources of an answer.
pub(super) fn decode(body: &[u8], include_parameters: bool) -> Result<Found, AnswerError> {
    let entries: Vec<Object<Entry<'_>>> = crate::json::from_slice(body)?;
    let count = entries.len();
    let mut found = Found::default();
    for entry in entries {
        match entry.0.filter(|entry| !entry.certname.as_str().is_empty()) {
            Some(entry) => found.resources.push(resource(entry, include_parameters)),
            None => found.skipped = found.skipped.saturating_add(1),
        }
    }
    if found.resources.is_empty() && count > 0 {
        return Err(AnswerError::NoResources { entries: count });
    }
    Ok(found)
}

fn resource(entry: Entry<'_>, include_parameters: bool) -> Resource {
    let parameters = entry
        .parameters
        .filter(|_| include_parameters)
        .map(parameters)
        .unwrap_or_default();
    Resource {
        certname: entry.certname.0,
        resource: entry.resource.0,
        kind: entry.r#type.0,
        title: entry.title.0,
        exported: entry.exported.0,
        tags: entry
            .tags
            .0
            .into_iter()
            .map(|tag| tag.0)
            .filter(|tag| !tag.is_empty())
            .collect(),
        file: entry.file.0,
        environment: entry.environment.0,
        parameters,
    }
}
