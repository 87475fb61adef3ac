//! Which targets a query's selectors and text choose.

use headcount_core::{TargetReader, TargetView};

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
    let (discovered, labels) = (reader.discovered(view), reader.labels(view).unwrap_or_default());
    let value = |name: &str| {
        let mut all = labels.iter().chain(&discovered);
        all.find(|(other, _)| other == name)
            .map_or("", |(_, value)| value.as_str())
    };
    query.selectors.iter().any(|selector| selector.selects(value))
}

/// What was discovered is looked at first: it need not be worked out.
fn is_found(search: &str, job: &str, reader: &mut TargetReader, view: &TargetView<'_>) -> bool {
    let holds = |text: &str| holds(text, search);
    let mut raw = view.labels.iter().chain(view.group.labels().iter());
    if holds(job) || holds(view.group.source()) || raw.any(|(_, value)| holds(value)) {
        return true;
    }
    let labels = reader.labels(view).unwrap_or_default();
    labels
        .iter()
        .any(|(name, value)| !name.starts_with("__") && holds(value))
}

/// Whether `text` holds `search`, which is in lower case, in any case.
fn holds(text: &str, search: &str) -> bool {
    if !search.is_ascii() {
        return text.to_lowercase().contains(search);
    }
    let (text, search) = (text.as_bytes(), search.as_bytes());
    text.windows(search.len().max(1))
        .any(|part| part.eq_ignore_ascii_case(search))
}
