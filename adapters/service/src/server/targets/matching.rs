//! Which targets a query's selectors and text choose.

use headcount_core::{TargetLabels, TargetReader, TargetView};

use super::query::Query;

/// Whether a target's labels are such as the query wants.
pub(super) fn is_wanted(query: &Query, job: &str, reader: &mut TargetReader, view: &TargetView<'_>) -> bool {
    if query.wants_all_labels() {
        return true;
    }
    if let Some(search) = &query.search
        && !is_found(search, job, reader, view)
    {
        return false;
    }
    if query.selectors.is_empty() {
        return true;
    }
    let select = |labels: &TargetLabels<'_>| {
        let value = |name: &str| {
            let there = labels.get(name).or_else(|| view.labels.get(name));
            there.or_else(|| view.group.labels().get(name)).unwrap_or_default()
        };
        query.selectors.iter().any(|selector| selector.selects(value))
    };
    match reader.read(view, select) {
        Some(is_selected) => is_selected,
        None => reader.read_discovered(view, select),
    }
}

/// What was discovered is looked at first: it need not be worked out.
fn is_found(search: &str, job: &str, reader: &mut TargetReader, view: &TargetView<'_>) -> bool {
    let holds = |text: &str| holds(text, search);
    let mut raw = view.labels.iter().chain(view.group.labels().iter());
    if holds(job) || holds(view.group.source()) || raw.any(|(_, value)| holds(value)) {
        return true;
    }
    let found = reader.read(view, |labels| {
        labels.any(|name, value| !name.starts_with("__") && holds(value))
    });
    found.unwrap_or(false)
}

/// Whether `text` holds `search`, which is in lower case, in any case.
fn holds(text: &str, search: &str) -> bool {
    if !search.is_ascii() {
        return text.to_lowercase().contains(search);
    }
    let (text, search) = (text.as_bytes(), search.as_bytes());
    let Some(first) = search.first() else { return true };
    let mut parts = text.windows(search.len());
    parts.any(|part| {
        let other = part.first();
        other.is_some_and(|other| other.eq_ignore_ascii_case(first)) && part.eq_ignore_ascii_case(search)
    })
}
