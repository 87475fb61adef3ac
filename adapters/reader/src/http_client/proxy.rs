//! `proxy_url` and the fields that go with it.

use super::settings::{Proxy, ProxySettings};
use crate::problem::ProblemKind;
use crate::secret::Secret;
use crate::value::Url;
use crate::yaml::Fields;

/// Reads the proxy's fields, which stand among others.
pub(super) fn read(fields: &mut Fields<'_>) -> ProxySettings {
    let url_at = fields.take_some("proxy_url");
    let url = url_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    if let Some(at) = &url_at
        && let Err(error) = Url::parse(&url)
    {
        at.report(error);
    }
    let no_proxy_at = fields.take("no_proxy");
    let no_proxy = no_proxy_at.as_ref().and_then(|at| at.text()).unwrap_or_default();
    let from_environment = fields.flag("proxy_from_environment").unwrap_or_default();
    let headers_at = fields.take("proxy_connect_header");
    let entries = headers_at.as_ref().and_then(|at| at.entries()).unwrap_or_default();
    let connect_headers: Vec<(String, Vec<Secret>)> = entries
        .into_iter()
        .map(|(name, values)| {
            let values = values.texts().unwrap_or_default();
            (name, values.into_iter().map(|(value, _)| Secret::new(value)).collect())
        })
        .collect();

    if let Some(at) = &headers_at
        && !connect_headers.is_empty()
        && !from_environment
        && url.is_empty()
    {
        at.report(ProblemKind::Needs {
            other: "proxy_url or proxy_from_environment",
        });
    }
    if let Some(at) = &url_at
        && from_environment
        && !url.is_empty()
    {
        at.report(ProblemKind::Excludes {
            other: "proxy_from_environment",
        });
    }
    if let Some(at) = &no_proxy_at
        && !no_proxy.is_empty()
    {
        if from_environment {
            at.report(ProblemKind::Excludes {
                other: "proxy_from_environment",
            });
        } else if url_at.is_none() {
            at.report(ProblemKind::Needs { other: "proxy_url" });
        }
    }
    let proxy = match (from_environment, url.is_empty()) {
        (true, _) => Proxy::Environment,
        (false, true) => Proxy::Direct,
        (false, false) => Proxy::Url {
            url: Secret::new(url),
            no_proxy,
        },
    };
    ProxySettings { proxy, connect_headers }
}
