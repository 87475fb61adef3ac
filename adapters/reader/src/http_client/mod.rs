//! The HTTP client's fields, which stand among those of a job, an SD entry or an Alertmanager.

mod file;
mod headers;
mod oauth2;
mod proxy;
mod settings;
mod tls;

use std::path::Path;

use headcount_core::planted;

use crate::mention::Mentioned;
use crate::problem::ProblemKind;
use crate::secret::{Secret, SecretSource};
use crate::surroundings::join;
use crate::yaml::{Cursor, Fields};

pub use headers::reserved_header;
pub use settings::{
    Authorization, BasicAuth, HeaderValues, HttpClientSettings, JwtAlgorithm, JwtBearer, OAuth2, OAuth2Grant, Proxy,
    ProxySettings, TextSource, TlsSettings, TlsVersion,
};
pub use tls::{Given, Ways};

const USERNAME: Ways = Ways {
    inline: "username",
    file: "username_file",
    reference: "username_ref",
    all: "username and username_file",
};
const PASSWORD: Ways = Ways {
    inline: "password",
    file: "password_file",
    reference: "password_ref",
    all: "password and password_file",
};
const CREDENTIALS: Ways = Ways {
    inline: "credentials",
    file: "credentials_file",
    reference: "credentials_ref",
    all: "credentials and credentials_file",
};

/// The fields of which at most one may be set.
const WAYS_TO_AUTHENTICATE: &str = "basic_auth, authorization, oauth2, bearer_token and bearer_token_file";

impl HttpClientSettings {
    /// Reads the client's fields, which stand among others. Those stay for the caller. Relative paths are
    /// made absolute against `folder`.
    pub fn read(fields: &mut Fields<'_>, folder: &Path) -> Self {
        let mut ways: Vec<Cursor<'_>> = Vec::new();
        let basic_auth = structure(fields, "basic_auth", &mut ways).map(|fields| read_basic_auth(fields, folder));
        let authorization =
            structure(fields, "authorization", &mut ways).map(|fields| read_authorization(fields, folder));
        let oauth2 = structure(fields, "oauth2", &mut ways).map(|fields| Box::new(oauth2::read(fields, folder)));
        let token = written(fields, "bearer_token", &mut ways).map(|text| SecretSource::Inline(Secret::new(text)));
        let token_file = written(fields, "bearer_token_file", &mut ways).map(|path| join(folder, &path));
        if let (Some(path), Some(at)) = (&token_file, ways.last()) {
            planted!(at.mention(Mentioned::File(path.clone())), TokenFileIsNotMentioned, ());
        }
        ways.sort_by_key(Cursor::position);
        if let [_, .., last] = planted!(ways.as_slice(), TwoWaysToAuthenticate, &[]) {
            last.report(ProblemKind::Conflict {
                fields: WAYS_TO_AUTHENTICATE,
            });
        }
        let from_token = token
            .or(token_file.map(SecretSource::File))
            .map(|credentials| Authorization {
                scheme: "Bearer".to_owned(),
                credentials: Some(credentials),
            });
        let settings = Self {
            basic_auth,
            authorization: authorization.or(from_token),
            oauth2,
            tls: TlsSettings::read(fields, folder),
            proxy: proxy::read(fields),
            follow_redirects: fields
                .flag("follow_redirects")
                .unwrap_or(planted!(true, RedirectsAreOff, false)),
            enable_http2: fields.flag("enable_http2").unwrap_or(true),
            headers: headers::read(fields, folder),
        };
        if settings != Self::default() {
            fields.at().mention(Mentioned::Client(Box::new(settings.clone())));
        }
        settings
    }

    /// Whether the client authenticates in any way.
    pub fn authenticates(&self) -> bool {
        self.basic_auth.is_some() || self.authorization.is_some() || self.oauth2.is_some()
    }
}

fn structure<'a>(fields: &mut Fields<'a>, name: &'static str, ways: &mut Vec<Cursor<'a>>) -> Option<Fields<'a>> {
    let at = fields.take_some(name)?;
    let inside = at.fields();
    ways.push(at);
    inside
}

fn written<'a>(fields: &mut Fields<'a>, name: &'static str, ways: &mut Vec<Cursor<'a>>) -> Option<String> {
    let at = fields.take(name)?;
    let text = at.text().filter(|text| !text.is_empty())?;
    ways.push(at);
    Some(text)
}

fn read_basic_auth(mut fields: Fields<'_>, folder: &Path) -> BasicAuth {
    let username = Given::read(&mut fields, folder, USERNAME).map(Given::into_text);
    let password = Given::read(&mut fields, folder, PASSWORD).map(Given::into_secret);
    fields.finish();
    BasicAuth {
        username: username.unwrap_or(TextSource::Inline(String::new())),
        password,
    }
}

fn read_authorization(mut fields: Fields<'_>, folder: &Path) -> Authorization {
    let scheme_at = fields.take("type");
    let scheme = scheme_at
        .as_ref()
        .and_then(|at| at.text())
        .unwrap_or_default()
        .trim()
        .to_owned();
    if let Some(at) = &scheme_at
        && planted!(scheme.eq_ignore_ascii_case("basic"), BasicIsAType, false)
    {
        at.report(ProblemKind::Rule("the type can't be Basic; use basic_auth instead"));
    }
    let credentials = Given::read(&mut fields, folder, CREDENTIALS).map(Given::into_secret);
    fields.finish();
    Authorization {
        scheme: if scheme.is_empty() { "Bearer".to_owned() } else { scheme },
        credentials,
    }
}
