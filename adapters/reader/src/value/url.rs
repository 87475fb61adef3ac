//! URLs, accepted and refused as by Go's `net/url`.
//!
//! Only what a configuration file needs is kept: the scheme and whether there is a host. Errors
//! never show the URL, which may hold a password.

use std::borrow::Cow;

use crate::secret::sounds_secret;
use crate::yaml::MASK;

/// Why a URL can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// A control character.
    #[error("the URL holds a control character")]
    ControlCharacter,
    /// It begins with a colon, or with a host and a port.
    #[error("the URL has no scheme; begin it with http:// or https://")]
    NoScheme,
    /// `%` without two hexadecimal digits, or where it is not allowed.
    #[error("the URL holds a `%` that does not begin a valid escape; write a percent sign as %25")]
    Escape,
    /// A character that a host can't have.
    #[error("the URL's host holds a character that is not allowed there")]
    Host,
    /// A `[` without its `]`.
    #[error("the URL's host has a `[` without its `]`")]
    Bracket,
    /// No IPv6 address between brackets, or brackets where none belong.
    #[error("the URL's host has brackets that don't hold an IPv6 address")]
    Address,
    /// Something else than digits after the host's colon.
    #[error("the URL's port is not a number")]
    Port,
    /// A character that a user name or password can't have.
    #[error("the URL's user name or password holds a character that must be percent-encoded")]
    UserInfo,
    /// Another scheme than `http` or `https`.
    #[error("the URL's scheme must be http or https")]
    NotHttp,
    /// No host.
    #[error("the URL has no host")]
    NoHost,
}

/// The parts of a URL that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// In lower case; empty for none.
    scheme: String,
    has_host: bool,
}

impl Url {
    /// Parses as Go's `url.Parse` does, which takes almost anything.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err(UrlError::ControlCharacter);
        }
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        check_escapes(fragment)?;
        let (scheme, rest) = scheme(text)?;
        let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            has_host: false,
        };
        if text == "*" {
            return Ok(url);
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|first| first.contains(':')) {
                return Err(UrlError::NoScheme);
            }
        }
        let mut path = rest;
        if (!url.scheme.is_empty() || !rest.starts_with("///"))
            && let Some(rest) = rest.strip_prefix("//")
        {
            let (authority, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            path = after;
            url.has_host = check_authority(authority)?;
        }
        check_escapes(path)?;
        Ok(url)
    }

    /// Checks that this is a URL that HTTP can be spoken with.
    pub fn for_http(&self) -> Result<(), UrlError> {
        match (self.scheme.as_str(), self.has_host) {
            ("", _) => Err(UrlError::NoScheme),
            ("http" | "https", true) => Ok(()),
            ("http" | "https", false) => Err(UrlError::NoHost),
            _ => Err(UrlError::NotHttp),
        }
    }
}

/// The URL as it may be shown: without its `user:password@`, and with `<secret>` in place of the parameters that
/// [sound like secrets](sounds_secret). Of text that is no URL, and may hold what
/// was meant to be a password, all up to the last `@` is left out, however the text is to be read.
///
/// ```
/// use headcount_reader::without_credentials;
/// assert_eq!(without_credentials("https://user:p@ss@sd.example:8080/list?a=@"), "https://sd.example:8080/list?a=@");
/// assert_eq!(without_credentials("user:hunter2@sd.example"), "sd.example");
/// assert_eq!(without_credentials("http://user@x:pa/ss@sd.example"), "http://sd.example");
/// assert_eq!(without_credentials("sd.example/list"), "sd.example/list");
/// assert_eq!(without_credentials("https://sd.example/?dc=1&token=x"), "https://sd.example/?dc=1&token=<secret>");
/// ```
pub fn without_credentials(url: &str) -> Cow<'_, str> {
    match without_user(url) {
        Cow::Borrowed(url) => without_secret_parameters(url),
        Cow::Owned(url) => match without_secret_parameters(&url) {
            Cow::Owned(url) => Cow::Owned(url),
            Cow::Borrowed(_) => Cow::Owned(url),
        },
    }
}

/// The URL with `<secret>` in place of the parameters that [sound like secrets](sounds_secret).
///
/// ```
/// use headcount_reader::without_secret_parameters;
/// assert_eq!(without_secret_parameters("/list?api-key=a&dc=1#f"), "/list?api-key=<secret>&dc=1#f");
/// assert_eq!(without_secret_parameters("/list?token=&dc=1"), "/list?token=&dc=1");
/// ```
pub fn without_secret_parameters(url: &str) -> Cow<'_, str> {
    let Some((before, query)) = url.split_once('?') else {
        return Cow::Borrowed(url);
    };
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    let is_secret = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) => !value.is_empty() && sounds_secret(&unescaped(name)),
        None => false,
    };
    // Some servers take `;` as well.
    if !query.split(['&', ';']).any(is_secret) {
        return Cow::Borrowed(url);
    }
    let mut shown = format!("{before}?");
    for parameter in query.split_inclusive(['&', ';']) {
        let (inside, end) = parameter.split_at(parameter.trim_end_matches(['&', ';']).len());
        match inside.split_once('=') {
            Some((name, _)) if is_secret(inside) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(MASK);
            }
            _ => shown.push_str(inside),
        }
        shown.push_str(end);
    }
    shown.push_str(fragment);
    Cow::Owned(shown)
}

/// A parameter's name with its `%XX` read, as far as they are ASCII; others are in no name that is looked for.
fn unescaped(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut pieces = name.split('%');
    let mut read = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let escaped = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        read.push(char::from(escaped.unwrap_or(b'%')));
        read.push_str(if escaped.is_some() {
            piece.get(2..).unwrap_or_default()
        } else {
            piece
        });
    }
    Cow::Owned(read)
}

fn without_user(url: &str) -> Cow<'_, str> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A password with a slash in it is not valid in a URL, and is hidden all the same.
    let (host, path) = match (rest.rsplit_once('@'), authority.rsplit_once('@')) {
        // One without a host is none for others either.
        (Some((_, after)), _) if authority.is_empty() || Url::parse(url).is_err() => (after, ""),
        (_, Some((_, host))) => (host, path),
        _ => return Cow::Borrowed(url),
    };
    match scheme {
        Some(scheme) => Cow::Owned(format!("{scheme}://{host}{path}")),
        None => Cow::Owned(format!("{host}{path}")),
    }
}

fn scheme(text: &str) -> Result<(&str, &str), UrlError> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return Err(UrlError::NoScheme),
            ':' => {
                return Ok((
                    text.get(..index).unwrap_or_default(),
                    text.get(index + 1..).unwrap_or_default(),
                ));
            }
            _ => break,
        }
    }
    Ok(("", text))
}

/// Whether there is a host.
fn check_authority(authority: &str) -> Result<bool, UrlError> {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            check_host(host)?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
            if !user.chars().all(allowed) {
                return Err(UrlError::UserInfo);
            }
            check_escapes(user)?;
            host
        }
        None => {
            check_host(authority)?;
            authority
        }
    };
    Ok(!host.is_empty())
}

fn check_host(host: &str) -> Result<(), UrlError> {
    let is_port = |text: &str| {
        text.is_empty()
            || text
                .strip_prefix(':')
                .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    if let Some(literal) = host.strip_prefix('[') {
        let (address, port) = literal.rsplit_once(']').ok_or(UrlError::Bracket)?;
        let address = address.split_once("%25").map_or(address, |(address, _)| address);
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(UrlError::Address);
        }
        if !is_port(port) {
            return Err(UrlError::Port);
        }
    } else if host.contains('[') {
        return Err(UrlError::Address);
    } else if let Some(colon) = host.rfind(':')
        && !is_port(host.get(colon..).unwrap_or_default())
    {
        return Err(UrlError::Port);
    }
    let zone = host.find("%25").filter(|_| host.starts_with('['));
    let mut rest = host.get(..zone.unwrap_or(host.len())).unwrap_or_default();
    while let Some(c) = rest.chars().next() {
        if c == '%' {
            let value = rest
                .get(1..3)
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or(UrlError::Escape)?;
            // Only what is not ASCII may be escaped in a host.
            if value < 0x80 && value != b'%' {
                return Err(UrlError::Escape);
            }
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.~!$&'()*+,;=:[]<>\"".contains(c) {
            return Err(UrlError::Host);
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), UrlError> {
    let mut pieces = text.split('%');
    pieces.next();
    for piece in pieces {
        if !piece
            .as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        {
            return Err(UrlError::Escape);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_go_takes() {
        for text in [
            "",
            "localhost:9090",
            "/path",
            "http://user:p%40ss@host:80/path?q=%zz#f",
            "http://[::1]:80/",
            "http://[fe80::1%25en0]:80/",
            "http://ho_st/",
            "socks5://h",
            "mailto:a",
            "http://",
            "http://h:",
            "http://bücher.example",
        ] {
            assert!(Url::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for (text, error) in [
            (":foo", UrlError::NoScheme),
            ("127.0.0.1:80", UrlError::NoScheme),
            ("http://h:port/", UrlError::Port),
            ("http://[::1/", UrlError::Bracket),
            ("http://[:1]/", UrlError::Address),
            ("http://a[b/", UrlError::Address),
            ("http://h/%zz", UrlError::Escape),
            ("http://a b/", UrlError::Host),
            ("http://us er@h/", UrlError::UserInfo),
            ("http://h/\n", UrlError::ControlCharacter),
            ("http://%41/", UrlError::Escape),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn knows_what_http_can_be_spoken_with() {
        let for_http = |text| Url::parse(text).and_then(|url| url.for_http());
        assert_eq!(for_http("HTTPS://h/p"), Ok(()));
        assert_eq!(for_http("ftp://h/p"), Err(UrlError::NotHttp));
        assert_eq!(for_http("localhost:80"), Err(UrlError::NotHttp));
        assert_eq!(for_http("http:///p"), Err(UrlError::NoHost));
        assert_eq!(for_http("//h/p"), Err(UrlError::NoScheme));
    }

    #[test]
    fn secrets_in_parameters_are_hidden() {
        for (url, shown) in [
            ("http://u:p@h/x?token=t", "http://h/x?token=<secret>"),
            ("http://h/?a=1;api_key=k;b=2", "http://h/?a=1;api_key=<secret>;b=2"),
            ("http://h/?%74oken=t", "http://h/?%74oken=<secret>"),
            ("http://h/?token=a=b&&x", "http://h/?token=<secret>&&x"),
            (
                "http://h/?module=http_2xx&target=a",
                "http://h/?module=http_2xx&target=a",
            ),
            ("http://h/?a%", "http://h/?a%"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(http://)?[a-z0-9%\\[\\]:@/?# ä&=;]{0,16}|\\PC{0,16}") {
            let _ = Url::parse(&text);
            let shown = without_credentials(&text).into_owned();
            prop_assert_eq!(without_secret_parameters(&shown), &*shown);
        }
    }
}
