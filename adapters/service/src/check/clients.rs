//! HTTP clients: made, as they would be when they are first needed.
//!
//! **The client that is made has everything inside**: the files that its settings name are read and put into
//! them, so that a certificate that does not fit its key is found here, and not at the first request.

use headcount_config::{Mention, Mentioned, ProblemKind, Surroundings};
use headcount_discoverer::env::Http;
use headcount_reader::{
    Findings, HttpClientSettings, OAuth2, OAuth2Grant, Secret, SecretSource, TextSource, TlsSettings,
};

use super::files;

/// Makes each client. What can't work is an error where headcount itself would use it, to discover; and a warning
/// for the clients of jobs, Alertmanagers and remote storage, which Prometheus may be able to use all the same.
pub(super) fn check(http: &dyn Http, surroundings: &dyn Surroundings, mentions: &[Mention], found: &mut Findings) {
    for mention in mentions {
        let Mentioned::Client(settings) = &mention.what else {
            continue;
        };
        // A file that can't be read was reported where it is named.
        let Some(settings) = with_everything_inside(settings, surroundings) else {
            continue;
        };
        let Err(error) = http.client(&settings).map(drop) else {
            continue;
        };
        let problem = mention.problem(ProblemKind::Client {
            reason: error.to_string(),
        });
        if mention.is_for_discovery {
            found.problems.push(problem);
        } else {
            found.warnings.push(problem);
        }
    }
}

/// The same settings with the content of the files in place of their names; `None` if one can't be read.
fn with_everything_inside(
    settings: &HttpClientSettings,
    surroundings: &dyn Surroundings,
) -> Option<HttpClientSettings> {
    let mut settings = settings.clone();
    if let Some(basic) = &mut settings.basic_auth {
        put_text(surroundings, &mut basic.username)?;
        put_secret(surroundings, basic.password.as_mut())?;
    }
    if let Some(authorization) = &mut settings.authorization {
        put_secret(surroundings, authorization.credentials.as_mut())?;
    }
    if let Some(oauth2) = &mut settings.oauth2 {
        put_oauth2(surroundings, oauth2)?;
    }
    put_tls(surroundings, &mut settings.tls)?;
    for (_, values) in &mut settings.headers {
        for path in std::mem::take(&mut values.files) {
            values.secrets.push(Secret::new(files::text(surroundings, &path).ok()?));
        }
    }
    Some(settings)
}

fn put_oauth2(surroundings: &dyn Surroundings, oauth2: &mut OAuth2) -> Option<()> {
    put_secret(surroundings, oauth2.client_secret.as_mut())?;
    if let OAuth2Grant::JwtBearer(bearer) = &mut oauth2.grant {
        put_secret(surroundings, bearer.key.as_mut())?;
    }
    put_tls(surroundings, &mut oauth2.tls)
}

fn put_tls(surroundings: &dyn Surroundings, tls: &mut TlsSettings) -> Option<()> {
    for source in [&mut tls.ca, &mut tls.cert].into_iter().flatten() {
        put_text(surroundings, source)?;
    }
    put_secret(surroundings, tls.key.as_mut())
}

fn put_text(surroundings: &dyn Surroundings, source: &mut TextSource) -> Option<()> {
    match source {
        TextSource::Inline(_) => {}
        TextSource::File(path) => *source = TextSource::Inline(files::text(surroundings, path).ok()?),
        TextSource::Reference(_) => return None,
    }
    Some(())
}

fn put_secret(surroundings: &dyn Surroundings, source: Option<&mut SecretSource>) -> Option<()> {
    match source {
        None | Some(SecretSource::Inline(_)) => {}
        Some(source @ SecretSource::File(_)) => {
            let SecretSource::File(path) = source else { return None };
            *source = SecretSource::Inline(Secret::new(files::text(surroundings, path).ok()?));
        }
        Some(SecretSource::Reference(_)) => return None,
    }
    Some(())
}
