//! Requests of the services whose actions are forms: EC2, RDS, ElastiCache and STS.

use headcount_discoverer::env::HttpRequest;

use super::account::Filter;
use crate::sigv4::escape;

/// An action with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    body: String,
}

impl Query {
    pub(crate) fn new(action: &str, version: &str) -> Self {
        Self {
            body: format!("Action={action}&Version={version}"),
        }
    }

    /// The same with another parameter.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.body.push('&');
        self.body.push_str(&escape(name));
        self.body.push('=');
        self.body.push_str(&escape(value));
        self
    }

    /// The same with another parameter, if there is one.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The request, before it is signed.
    pub(crate) fn request(&self, endpoint: &str) -> HttpRequest {
        HttpRequest::post(
            at_root(endpoint),
            "application/x-www-form-urlencoded; charset=utf-8",
            self.body.as_bytes(),
        )
    }
}

/// Filters as parameters: `prefix.1.Name`, and their values after `values`, as in `prefix.1.Value.1`.
pub(crate) fn filters<'f>(
    mut query: Query,
    prefix: &str,
    values: &str,
    filters: impl IntoIterator<Item = &'f Filter>,
) -> Query {
    for (number, filter) in filters.into_iter().enumerate() {
        let number = number + 1;
        query = query.with(&format!("{prefix}.{number}.Name"), &filter.name);
        for (place, value) in filter.values.iter().enumerate() {
            query = query.with(&format!("{prefix}.{number}.{values}.{}", place + 1), value);
        }
    }
    query
}

/// The URL of an endpoint with a path.
pub(crate) fn at_root(endpoint: &str) -> String {
    format!("{endpoint}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped_and_filters_are_numbered() {
        let some = [
            Filter {
                name: "tag:a b".to_owned(),
                values: vec!["x&y".to_owned(), "ä".to_owned()],
            },
            Filter {
                name: "vpc-id".to_owned(),
                values: vec!["v".to_owned()],
            },
        ];
        let query = filters(Query::new("Do", "1").with_some("None", None), "Filter", "Value", &some);
        let request = query.request("https://a.example");
        assert_eq!(request.url, "https://a.example/");
        assert_eq!(
            String::from_utf8_lossy(&request.body),
            "Action=Do&Version=1&Filter.1.Name=tag%3Aa%20b&Filter.1.Value.1=x%26y&Filter.1.Value.2=%C3%A4\
             &Filter.2.Name=vpc-id&Filter.2.Value.1=v"
        );
    }
}
