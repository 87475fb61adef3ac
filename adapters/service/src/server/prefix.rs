//! Under which path everything is served.
//!
//! Behind a proxy that passes paths on as they are, all paths begin with the one under which others know the server.
//! **What is inside is asked for without the prefix, and what is outside is nowhere**, as in Prometheus.

use std::fmt;
use std::str::FromStr;

use headcount_core::planted;
use http::header::{HeaderValue, LOCATION};
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri};

use super::paths::clean;
use super::respond::{self, Body};

/// A path that all paths begin with; `/` for none.
///
/// ```
/// use headcount_service::RoutePrefix;
///
/// assert_eq!("sd/".parse::<RoutePrefix>().unwrap().to_string(), "/sd");
/// assert_eq!("/".parse::<RoutePrefix>().unwrap(), RoutePrefix::default());
/// assert!("/a?b".parse::<RoutePrefix>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutePrefix {
    /// Empty, or with a slash in front and none at the end.
    path: String,
}

/// Why a text is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a path such as /sd, as it stands in a URL")]
pub struct BadRoutePrefix;

/// Where a request is meant to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    /// To this path below the prefix.
    Inside(&'a str),
    /// To the beginning, which is elsewhere.
    Beginning,
    /// To the prefix, without the slash at its end.
    Unfinished,
    /// Nowhere.
    Outside,
}

impl RoutePrefix {
    /// A path of ours with the prefix in front.
    pub(crate) fn of(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// Where `path` is meant to go.
    pub(super) fn asked<'a>(&self, path: &'a str) -> Asked<'a> {
        match path.strip_prefix(self.path.as_str()) {
            Some("") if !self.path.is_empty() => Asked::Unfinished,
            Some(inside) if planted!(inside.starts_with('/'), AlikeBeginningIsThePrefix, true) => Asked::Inside(inside),
            _ if path == "/" => Asked::Beginning,
            _ => Asked::Outside,
        }
    }

    /// The URI of a request with a path below the prefix in the place of its own.
    pub(super) fn inside(uri: &Uri, path: &str) -> Option<Uri> {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(with_query(path, uri.query())?);
        Uri::from_parts(parts).ok()
    }

    /// The answer that a request goes to another path below the prefix.
    pub(super) fn redirect(&self, status: StatusCode, path: &str, query: Option<&str>) -> Response<Body> {
        let location = with_query(&self.of(path), query);
        let location = location.and_then(|location| HeaderValue::from_str(location.as_str()).ok());
        let Some(location) = location else {
            return self.nowhere(path);
        };
        let mut response = respond::text(status, format!("this is at {}", self.of(path)));
        response.headers_mut().insert(LOCATION, location);
        response
    }

    /// The answer that there is nothing at a path.
    pub(super) fn nowhere(&self, path: &str) -> Response<Body> {
        let message = format!("there is nothing at {path}; {} shows what there is", self.of("/"));
        respond::error(StatusCode::NOT_FOUND, message)
    }
}

impl fmt::Display for RoutePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path.is_empty() { "/" } else { &self.path })
    }
}

impl FromStr for RoutePrefix {
    type Err = BadRoutePrefix;

    fn from_str(text: &str) -> Result<Self, BadRoutePrefix> {
        let inner = text.trim_matches('/');
        if inner.is_empty() {
            return Ok(Self::default());
        }
        let path = format!("/{inner}");
        // Requests are asked of with a path that has no such steps.
        let is_plain = clean(&path) == path && !path.contains(['?', '#']);
        let is_path = PathAndQuery::try_from(path.as_str()).is_ok();
        (is_plain && is_path).then_some(Self { path }).ok_or(BadRoutePrefix)
    }
}

fn with_query(path: &str, query: Option<&str>) -> Option<PathAndQuery> {
    match query {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")).ok(),
        None => PathAndQuery::try_from(path).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> RoutePrefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn what_is_inside_is_asked_for_without_the_prefix() {
        let prefix_of_two = prefix("/a/b/");
        for (path, asked) in [
            ("/a/b/metrics", Asked::Inside("/metrics")),
            ("/a/b/", Asked::Inside("/")),
            ("/a/b", Asked::Unfinished),
            ("/", Asked::Beginning),
            ("/a", Asked::Outside),
            ("/a/bc", Asked::Outside),
            ("/metrics", Asked::Outside),
        ] {
            assert_eq!(prefix_of_two.asked(path), asked, "{path}");
        }
        for path in ["/", "/a/b", "/metrics"] {
            assert_eq!(prefix("/").asked(path), Asked::Inside(path));
        }
    }

    #[test]
    fn a_redirect_stays_inside_and_keeps_the_query() {
        let location = |prefix: &RoutePrefix, query| {
            let response = prefix.redirect(StatusCode::FOUND, "/x", query);
            response.headers()[LOCATION].to_str().expect("ASCII").to_owned()
        };
        assert_eq!(location(&prefix("a"), Some("b=c%2F")), "/a/x?b=c%2F");
        assert_eq!(location(&prefix(""), None), "/x");
    }

    #[test]
    fn texts_that_are_no_paths_are_no_prefixes() {
        for text in ["a//b", "a/../b", "./a", "/a?b", "/a#b", "a b", "a\nb"] {
            assert_eq!(text.parse::<RoutePrefix>(), Err(BadRoutePrefix), "{text}");
        }
        assert_eq!(prefix("//a/").to_string(), "/a");
    }
}
