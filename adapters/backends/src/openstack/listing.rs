//! Lists, as all services of OpenStack answer them: an object with the list and links to its other pages.

use std::collections::BTreeMap;

use headcount_discoverer::env::{HttpLimits, HttpRequest};
use headcount_discoverer::rest::{Ask, Page, ReadError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::answers::Object;

/// Why an answer is not the list that was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the answer is no list of {name}: {source}")]
    Json {
        name: &'static str,
        source: serde_json::Error,
    },
    #[error("the answer has no list {name:?}")]
    NoList { name: &'static str },
}

/// Where another page is. One that makes no sense may be the next one, without which the list is not whole.
#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

/// All objects of a list, page by page. `None` is something that is no object.
pub(super) async fn all<T: DeserializeOwned + Send>(
    ask: &Ask<'_>,
    name: &'static str,
    first: HttpRequest,
) -> Result<Vec<Option<T>>, ReadError> {
    let first = first.limits(HttpLimits {
        body: ask.env().limits.body,
        ..HttpLimits::default()
    });
    let found = ask
        .pages(first.clone(), |answer| page(&answer.body, name, &first))
        .await?;
    Ok(found.into_iter().map(|object: Object<T>| object.0).collect())
}

fn page<T: DeserializeOwned>(
    body: &[u8],
    name: &'static str,
    first: &HttpRequest,
) -> Result<Page<Object<T>>, AnswerError> {
    let wrong = |source| AnswerError::Json { name, source };
    let fields: BTreeMap<String, &RawValue> = crate::json::from_slice(body).map_err(wrong)?;
    let list = fields.get(name).ok_or(AnswerError::NoList { name })?;
    let items = serde_json::from_str(list.get()).map_err(wrong)?;
    let links = fields.get(&format!("{name}_links")).map(|links| links.get());
    let links: Option<Option<Vec<Link>>> = links.map(serde_json::from_str).transpose().map_err(wrong)?;
    let mut links = links.flatten().into_iter().flatten();
    let next = links
        .find(|link| link.rel == "next")
        .map(|link| after(first, &link.href));
    Ok(Page { items, next })
}

/// The request for the page that a link names, at the server that was asked for the first one.
fn after(first: &HttpRequest, link: &str) -> HttpRequest {
    let url = first.url.split('?').next().unwrap_or_default();
    let query = link.split('#').next().and_then(|link| link.split_once('?'));
    let query = query.map_or("", |(_, query)| query);
    HttpRequest {
        url: format!("{url}?{query}"),
        ..first.clone()
    }
}
