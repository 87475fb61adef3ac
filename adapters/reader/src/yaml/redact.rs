//! Which values are secret, by the names of the fields that hold them.
//!
//! Sections and mechanisms that headcount does not know are shown too, so the rule is wide: what
//! looks like a secret by its name is hidden, and no URL shows a password or a secret parameter.

use std::borrow::Cow;

use headcount_core::planted;

use super::node::{Content, Node};
use crate::secret::sounds_secret;
use crate::value::without_secret_parameters;

/// What stands in a secret's place.
pub const MASK: &str = "<secret>";

/// Ends of the names of fields that hold secrets.
const SECRET_ENDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credentials",
    "apikey",
    "_key",
];

/// Fields under which every value is hidden: headers often carry a secret.
const SECRET_PARENTS: [&str; 3] = ["proxy_connect_header", "headers", "proxy_headers"];

/// Fields under which names are those of parameters in a URL, or of headers.
const PARAMETER_PARENTS: [&str; 3] = ["params", "endpoint_params", "http_headers"];

/// Fields under which names are the writer's own labels.
const LABEL_PARENTS: [&str; 2] = ["labels", "external_labels"];

/// How a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it is, with secrets further in hidden.
    Open,
    /// Names further in say nothing about secrets.
    Labels,
    /// Names further in are those of parameters or headers.
    Parameters,
    /// Not at all.
    Hidden,
}

impl View {
    /// How the value of the field `name` is shown.
    pub(super) fn of_field(self, name: &str, value: Node<'_>) -> Self {
        match self {
            Self::Open => {}
            Self::Parameters if sounds_secret(name) => return Self::Hidden,
            other => return other,
        }
        if LABEL_PARENTS.contains(&name) {
            return Self::Labels;
        }
        if PARAMETER_PARENTS.contains(&name) {
            return Self::Parameters;
        }
        let is_structure = matches!(value.content(), Content::Map(_));
        if planted!(SECRET_PARENTS.contains(&name), HeadersAreShown, false) || (!is_structure && is_secret(name)) {
            Self::Hidden
        } else {
            Self::Open
        }
    }
}

fn is_secret(name: &str) -> bool {
    let is = |word: &str| name.eq_ignore_ascii_case(word);
    let ends_with = |end: &&str| {
        let start = name.len().checked_sub(end.len());
        start
            .and_then(|start| name.get(start..))
            .is_some_and(|last| last.eq_ignore_ascii_case(end))
    };
    // These name an expression or an identity, not a secret.
    let is_known = || ["access_key", "match_key", "external_id"].into_iter().any(is);
    (is("key") || SECRET_ENDS.iter().any(ends_with)) && !is_known()
}

/// The text of a scalar that is not hidden as a whole: a URL's password and secret parameters are hidden.
pub fn redacted_url(text: &str) -> Cow<'_, str> {
    // Nearly no text is a URL, and to look for one character is cheap.
    if !text.as_bytes().contains(&b':') {
        return Cow::Borrowed(text);
    }
    let without_password = without_password(text);
    if !without_password.contains("://") {
        return without_password;
    }
    match planted!(
        without_secret_parameters(&without_password),
        SecretParametersAreShown,
        Cow::Borrowed("")
    ) {
        Cow::Owned(shown) => Cow::Owned(shown),
        Cow::Borrowed(_) => without_password,
    }
}

fn without_password(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A password with a slash in it is not valid in a URL, and is hidden all the same.
    let (authority, path) = match (authority.contains('@'), rest.rsplit_once('@')) {
        (false, Some((user, after)))
            if planted!(user.contains(':') && !path.is_empty(), SlashInAPasswordShowsIt, false) =>
        {
            (user, after)
        }
        (false, _) => return Cow::Borrowed(text),
        (true, _) => match authority.rsplit_once('@') {
            Some((user, host)) => return Cow::Owned(with_user(scheme, user, &format!("{host}{path}"))),
            None => return Cow::Borrowed(text),
        },
    };
    Cow::Owned(with_user(scheme, authority, path))
}

fn with_user(scheme: &str, user: &str, after: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:{MASK}@{after}"),
        None => format!("{scheme}://{user}@{after}"),
    }
}

/// One value on one line, its keys sorted and its secrets hidden: equal for entries that mean the same.
pub(super) fn redacted_entry(node: Node<'_>) -> String {
    let mut out = String::new();
    write_entry(node, View::Open, &mut out);
    out
}

fn write_entry(node: Node<'_>, view: View, out: &mut String) {
    match node.content() {
        Content::Scalar(scalar) if scalar.is_null() => out.push_str("null"),
        Content::Scalar(_) if view == View::Hidden => out.push_str(MASK),
        Content::Scalar(scalar) => out.push_str(&super::render::scalar(scalar, View::Open)),
        Content::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_entry(item, view, out);
            }
            out.push(']');
        }
        Content::Map(entries) => {
            let mut sorted: Vec<_> = entries
                .iter()
                .map(|(key, value)| (key.key_text().unwrap_or_default(), value))
                .collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&super::render::quoted_if_needed(name));
                out.push_str(": ");
                write_entry(value, view.of_field(name, value), out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_passwords_in_urls() {
        for (text, shown) in [
            ("http://u:p@h/x", "http://u:<secret>@h/x"),
            ("http://u:p@q@h/x", "http://u:<secret>@h/x"),
            ("http://:p@h", "http://:<secret>@h"),
            ("http://:p@h/x?a=b", "http://:<secret>@h/x?a=b"),
            ("http://:p/w@h/x", "http://:<secret>@h/x"),
            ("http://u@h", "http://u@h"),
            ("http://h/a@b", "http://h/a@b"),
            ("http://u:p/w@h/x", "http://u:<secret>@h/x"),
            ("http://u:p@h/x?token=t&a=b", "http://u:<secret>@h/x?token=<secret>&a=b"),
            ("https://h/x?sig=s", "https://h/x?sig=<secret>"),
            ("plain", "plain"),
            ("(.*)?token=(.*)", "(.*)?token=(.*)"),
        ] {
            assert_eq!(redacted_url(text), shown);
        }
    }

    #[test]
    fn knows_secrets_by_name() {
        for name in [
            "password",
            "bearer_token",
            "client_secret",
            "secret_key",
            "credentials",
            "key",
            "api_token",
            "private_key",
            "secrets",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "password_file",
            "token_url",
            "credentials_ref",
            "job_name",
            "access_key",
            "client_id",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
