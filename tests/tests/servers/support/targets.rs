//! Targets, in a form that can be compared whoever listed them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A target's labels.
pub(crate) type Labels = BTreeMap<String, String>;

/// The targets of a list in the format of http_sd and file_sd, sorted.
///
/// # Errors
/// It has another format.
pub(crate) fn target_list(list: &Value) -> Result<Vec<Labels>, String> {
    let mut targets = Vec::new();
    for group in list.as_array().ok_or("not a list")? {
        let shared = group.get("labels").map_or(Ok(Labels::new()), labels)?;
        for address in group["targets"].as_array().ok_or("a group has no targets")? {
            let mut labels = shared.clone();
            let address = address.as_str().ok_or("a target is not text")?;
            labels.insert("__address__".to_owned(), address.to_owned());
            targets.push(labels);
        }
    }
    targets.sort();
    Ok(targets)
}

/// Labels of a JSON object.
///
/// # Errors
/// It is something else.
pub(crate) fn labels(object: &Value) -> Result<Labels, String> {
    let object = object.as_object().ok_or("labels are not an object")?;
    let label = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    object
        .iter()
        .map(label)
        .collect::<Option<_>>()
        .ok_or_else(|| "a label is not text".to_owned())
}

/// The targets' addresses.
pub(crate) fn addresses(targets: &[Labels]) -> Vec<&str> {
    targets
        .iter()
        .filter_map(|labels| labels.get("__address__"))
        .map(String::as_str)
        .collect()
}
