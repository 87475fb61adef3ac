//! As whom Google is asked: its application default credentials
//! (<https://cloud.google.com/docs/authentication/application-default-credentials>).
//!
//! The file that `GOOGLE_APPLICATION_CREDENTIALS` names, or else the one that `gcloud auth application-default login` leaves
//! behind, or else what the machine itself lends. **A file is read at each refresh**, so that one that is put in its place
//! counts, and one that can't be read is a failure, not a reason to go on looking, where it was named.

use std::path::{Path, PathBuf};

use headcount_discoverer::Env;
use headcount_discoverer::env::{FileContents, FileError};
use headcount_reader::Secret;
use serde::Deserialize;

use crate::answers::{List, Map, Number, Object, Text};
use crate::bearer::{LoginError, SMALL};

/// Where tokens are asked for if the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// The metadata service, at an address so that no name service can say otherwise.
const METADATA_HOST: &str = "169.254.169.254";

/// Who asks. Where it comes from is no part of it, so equal ones share their token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Credentials {
    /// The machine's own service account.
    Metadata { host: String },
    /// A key of a service account.
    ServiceAccount {
        email: String,
        key_id: String,
        key: Secret,
        token_uri: String,
    },
    /// A person, who has logged in once; also one who did so elsewhere (`external_account_authorized_user`).
    AuthorizedUser {
        client_id: String,
        client_secret: Secret,
        refresh_token: Secret,
        token_uri: String,
        /// Whether the client says who it is in a header.
        is_external: bool,
    },
    /// A token of somebody else that Google takes (workload identity federation).
    External(Box<External>),
    /// A service account as which these may act.
    Impersonated {
        url: String,
        delegates: Vec<String>,
        lifetime: i64,
        of: Box<Self>,
    },
}

/// `external_account`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct External {
    pub(super) audience: String,
    pub(super) token_type: String,
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    /// Empty for none.
    pub(super) user_project: String,
    pub(super) source: Subject,
    /// The field with the token in a document; empty where the token is all that there is.
    pub(super) field: String,
}

/// Where the other token is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    File(PathBuf),
    Url {
        url: String,
        headers: Vec<(String, Secret)>,
    },
}

/// A file of credentials, as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    r#type: Text,
    client_email: Text,
    private_key_id: Text,
    private_key: Text,
    token_uri: Text,
    client_id: Text,
    client_secret: Text,
    refresh_token: Text,
    audience: Text,
    subject_token_type: Text,
    token_url: Text,
    workforce_pool_user_project: Text,
    credential_source: Object<Source>,
    service_account_impersonation_url: Text,
    service_account_impersonation: Object<Impersonation>,
    source_credentials: Object<Box<Written>>,
    delegates: List<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    file: Text,
    url: Text,
    headers: Map<Text>,
    environment_id: Text,
    executable: Object<Anything>,
    certificate: Object<Anything>,
    format: Object<Format>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Anything {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Format {
    r#type: Text,
    subject_token_field_name: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Impersonation {
    token_lifetime_seconds: Number,
}

/// How long a token lasts that is borrowed of a service account, where the file does not say.
const LIFETIME: i64 = 3600;

/// The credentials that count now.
pub(super) async fn find(env: &Env) -> Result<Credentials, LoginError> {
    let variable = |name: &str| env.variables.get(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("GOOGLE_APPLICATION_CREDENTIALS") {
        let contents = env.files.read(Path::new(&path), SMALL).await;
        let contents = contents.map_err(|error| {
            LoginError::new(
                &path,
                format!("{}; GOOGLE_APPLICATION_CREDENTIALS names it", error.reason()),
            )
        })?;
        return read(&path, &contents);
    }
    if let Some(home) = variable("HOME") {
        let path = Path::new(&home).join(".config/gcloud/application_default_credentials.json");
        match env.files.read(&path, SMALL).await {
            Ok(contents) => return read(&path.to_string_lossy(), &contents),
            Err(FileError::NotFound { .. }) => {}
            // Who may not read a file there has none.
            Err(FileError::Io { .. }) => {}
            Err(error) => return Err(LoginError::file(&error)),
        }
    }
    Ok(Credentials::Metadata {
        host: variable("GCE_METADATA_HOST").unwrap_or_else(|| METADATA_HOST.to_owned()),
    })
}

fn read(path: &str, contents: &FileContents) -> Result<Credentials, LoginError> {
    // The parser's message could repeat a secret.
    let written: Option<Written> = serde_json::from_slice(&contents.bytes).ok();
    let written =
        written.ok_or_else(|| LoginError::new(path, "this is no file of Google's credentials: it is no JSON"))?;
    written.credentials().map_err(|wrong| LoginError::new(path, wrong))
}

impl Written {
    fn credentials(self) -> Result<Credentials, String> {
        match self.r#type.as_str() {
            "service_account" => Ok(Credentials::ServiceAccount {
                email: required("client_email", self.client_email)?,
                key_id: self.private_key_id.0,
                key: Secret::new(required("private_key", self.private_key)?),
                token_uri: or(self.token_uri, TOKEN_URI),
            }),
            "authorized_user" => Ok(Credentials::AuthorizedUser {
                client_id: required("client_id", self.client_id)?,
                client_secret: Secret::new(required("client_secret", self.client_secret)?),
                refresh_token: Secret::new(required("refresh_token", self.refresh_token)?),
                token_uri: TOKEN_URI.to_owned(),
                is_external: false,
            }),
            "external_account_authorized_user" => Ok(Credentials::AuthorizedUser {
                client_id: required("client_id", self.client_id)?,
                client_secret: Secret::new(required("client_secret", self.client_secret)?),
                refresh_token: Secret::new(required("refresh_token", self.refresh_token)?),
                token_uri: required("token_url", self.token_url)?,
                is_external: true,
            }),
            "external_account" => self.external(),
            "impersonated_service_account" => self.impersonated(),
            "" => Err("it has no type, so it is no file of Google's credentials".to_owned()),
            other => Err(format!(
                "credentials of the type {other:?} are not known; known: service_account, authorized_user, external_account, \
                 external_account_authorized_user, impersonated_service_account"
            )),
        }
    }

    fn external(self) -> Result<Credentials, String> {
        let impersonation = self.service_account_impersonation.0.unwrap_or_default();
        let lifetime = impersonation.token_lifetime_seconds.0.unwrap_or(LIFETIME);
        let source = self.credential_source.0.ok_or("credential_source is missing")?;
        let field = source.field()?;
        let external = Credentials::External(Box::new(External {
            audience: required("audience", self.audience)?,
            token_type: required("subject_token_type", self.subject_token_type)?,
            token_url: required("token_url", self.token_url)?,
            client_id: self.client_id.0,
            client_secret: Secret::new(self.client_secret.0),
            user_project: self.workforce_pool_user_project.0,
            source: source.subject()?,
            field,
        }));
        Ok(match self.service_account_impersonation_url.0 {
            url if url.is_empty() => external,
            url => Credentials::Impersonated {
                url,
                delegates: Vec::new(),
                lifetime,
                of: Box::new(external),
            },
        })
    }

    fn impersonated(self) -> Result<Credentials, String> {
        let of = self.source_credentials.0.ok_or("source_credentials is missing")?;
        Ok(Credentials::Impersonated {
            url: required(
                "service_account_impersonation_url",
                self.service_account_impersonation_url,
            )?,
            delegates: self.delegates.0.into_iter().map(|delegate| delegate.0).collect(),
            lifetime: LIFETIME,
            of: Box::new(
                of.credentials()
                    .map_err(|wrong| format!("source_credentials: {wrong}"))?,
            ),
        })
    }
}

impl Source {
    fn field(&self) -> Result<String, String> {
        let format = self.format.0.as_ref();
        match format.map_or("", |format| format.r#type.as_str()) {
            "" | "text" => Ok(String::new()),
            "json" => {
                let field = format.map_or("", |format| format.subject_token_field_name.as_str());
                match field {
                    "" => Err("credential_source.format.subject_token_field_name is missing".to_owned()),
                    field => Ok(field.to_owned()),
                }
            }
            other => Err(format!(
                "credential_source.format.type: {other:?} is not known; known: text, json"
            )),
        }
    }

    fn subject(self) -> Result<Subject, String> {
        let refused = |what: &str| {
            Err(format!(
                "credential_source: tokens {what} are not supported; use one with a file or a url, or a key of a service account"
            ))
        };
        if !self.environment_id.as_str().is_empty() {
            return refused("that AWS signs (environment_id)");
        }
        if self.executable.0.is_some() {
            return refused("of a program (executable)");
        }
        if self.certificate.0.is_some() {
            return refused("by X.509 certificates (certificate)");
        }
        match (self.file.0, self.url.0) {
            (file, _) if !file.is_empty() => Ok(Subject::File(file.into())),
            (_, url) if !url.is_empty() => {
                let headers = self.headers.0.into_iter();
                Ok(Subject::Url {
                    url,
                    headers: headers.map(|(name, value)| (name, Secret::new(value.0))).collect(),
                })
            }
            _ => Err("credential_source has neither a file nor a url".to_owned()),
        }
    }
}

fn required(name: &str, text: Text) -> Result<String, String> {
    match text.0 {
        text if text.is_empty() => Err(format!("{name} is missing")),
        text => Ok(text),
    }
}

fn or(text: Text, default: &str) -> String {
    match text.0 {
        text if text.is_empty() => default.to_owned(),
        text => text,
    }
}
