//! Which credentials are taken, of all that there could be: in the order of AWS's own library, as Prometheus has it.
//!
//! The one rule: **what is written wins over what is found**. Nothing is asked here; a [`Plan`] says what to ask.

use std::path::PathBuf;
use std::time::Duration;

use headcount_discoverer::env::Variables;
use headcount_reader::Secret;

use super::super::account::Account;
use super::super::place::some;
use super::CredentialsError;
use super::profile::Files;
use crate::sigv4::Keys;

/// The longest way from profile to profile.
const MOST_PROFILES: usize = 10;
/// How long a role is assumed where nobody says.
const DEFAULT_DURATION: Duration = Duration::from_secs(900);
/// Where tasks of ECS find credentials.
const CONTAINER: &str = "http://169.254.170.2";
/// The other hosts that a container's credentials may come from without TLS: those of EKS, and this machine.
const CONTAINER_HOSTS: [&str; 5] = [
    "169.254.170.2",
    "169.254.170.23",
    "[fd00:ec2::23]",
    "localhost",
    "[::1]",
];

/// Where credentials come from. Two that are equal give the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Plan {
    /// They are written somewhere.
    Keys(Keys),
    /// A token in a file, for which STS gives a role.
    WebIdentity { token_file: PathBuf, role: Role },
    /// A server beside the container.
    Container {
        url: String,
        authorization: ContainerAuthorization,
    },
    /// The instance's own role.
    Instance,
    /// A role that others take on.
    Assume { role: Role, of: Box<Plan> },
}

/// A role, and how it is taken on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Role {
    pub(super) arn: String,
    /// Empty for none.
    pub(super) external_id: String,
    pub(super) session_name: String,
    pub(super) duration: Duration,
}

/// What is sent to the server beside the container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ContainerAuthorization {
    None,
    Token(Secret),
    /// It is read again each time.
    File(PathBuf),
}

impl Plan {
    /// What an account's entry, the environment and the shared files come to.
    pub(super) fn of(account: &Account, variables: &dyn Variables, files: &Files) -> Result<Self, CredentialsError> {
        let base = match (&account.keys, account.profile.as_str()) {
            (Some(keys), _) => Self::Keys(keys.clone()),
            (None, "") => Self::of_surroundings(variables, files)?,
            (None, profile) => Self::of_profile(profile, variables, files, &mut Vec::new())?,
        };
        Ok(match account.role_arn.as_str() {
            "" => base,
            arn => Self::Assume {
                role: Role {
                    arn: arn.to_owned(),
                    external_id: account.external_id.clone(),
                    session_name: session_name(None),
                    duration: DEFAULT_DURATION,
                },
                of: Box::new(base),
            },
        })
    }

    /// Where the entry says nothing.
    fn of_surroundings(variables: &dyn Variables, files: &Files) -> Result<Self, CredentialsError> {
        if let Some(keys) = keys_of_environment(variables) {
            return Ok(Self::Keys(keys));
        }
        if let Some(token_file) = some(variables, "AWS_WEB_IDENTITY_TOKEN_FILE") {
            let arn = some(variables, "AWS_ROLE_ARN").ok_or_else(|| {
                CredentialsError::Written("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not".to_owned())
            })?;
            let name = some(variables, "AWS_ROLE_SESSION_NAME");
            return Ok(Self::WebIdentity {
                token_file: token_file.into(),
                role: Role {
                    arn,
                    external_id: String::new(),
                    session_name: session_name(name.as_deref()),
                    duration: Duration::ZERO,
                },
            });
        }
        let profile = files.chosen_profile(variables);
        // That there is no default profile is nobody's mistake.
        if profile == "default" && !files.has(&profile) {
            return Self::of_machine(variables);
        }
        Self::of_profile(&profile, variables, files, &mut Vec::new())
    }

    /// What a profile says. `above` are those that have led here.
    fn of_profile(
        profile: &str,
        variables: &dyn Variables,
        files: &Files,
        above: &mut Vec<String>,
    ) -> Result<Self, CredentialsError> {
        let wrong = |reason: String| CredentialsError::Written(format!("the profile {profile:?} {reason}"));
        if !files.has(profile) {
            return Err(wrong(format!("is not in {}", files.places())));
        }
        let value = |setting: &str| files.value(profile, setting);
        // A profile that is its own source gives its keys.
        let is_first = !above.iter().any(|name| name == profile);
        if above.len() >= MOST_PROFILES {
            return Err(wrong("stands at the end of too many others".to_owned()));
        }
        let role_arn = value("role_arn").filter(|_| is_first);
        let source = value("source_profile").filter(|_| is_first);
        if let Some(unsupported) = unsupported(&value) {
            return Err(wrong(format!("uses {unsupported}, which headcount does not take")));
        }
        if role_arn.is_none() && is_first && (source.is_some() || value("credential_source").is_some()) {
            return Err(wrong("says where to take a role from, and has no role_arn".to_owned()));
        }
        if let (Some(arn), Some(token_file), None) = (role_arn, value("web_identity_token_file"), source) {
            let role = role_of(arn, &value);
            return Ok(Self::WebIdentity {
                token_file: token_file.into(),
                role,
            });
        }
        let keys = match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(access_key), Some(secret_key)) => Some(Keys {
                access_key: access_key.to_owned(),
                secret_key: Secret::new(secret_key),
                session_token: value("aws_session_token").map(Secret::new),
            }),
            _ => None,
        };
        let base = match (source, keys, value("credential_source").filter(|_| is_first)) {
            (Some(source), ..) => {
                above.push(profile.to_owned());
                Self::of_profile(source, variables, files, above)?
            }
            (None, Some(keys), _) => Self::Keys(keys),
            (None, None, Some(name)) => Self::of_source(name, variables).ok_or_else(|| {
                wrong(format!(
                    "has the credential_source {name:?}, of which there is nothing here"
                ))
            })?,
            (None, None, None) if !is_first => return Err(wrong("is its own source, and has no keys".to_owned())),
            (None, None, None) => Self::of_machine(variables)?,
        };
        Ok(match role_arn {
            None => base,
            Some(arn) => Self::Assume {
                role: role_of(arn, &value),
                of: Box::new(base),
            },
        })
    }

    /// What a profile's `credential_source` names.
    fn of_source(name: &str, variables: &dyn Variables) -> Option<Self> {
        match name {
            "Environment" => keys_of_environment(variables).map(Self::Keys),
            "Ec2InstanceMetadata" => Some(Self::Instance),
            "EcsContainer" => Self::of_container(variables)?.ok(),
            _ => None,
        }
    }

    /// Where nothing is written at all.
    fn of_machine(variables: &dyn Variables) -> Result<Self, CredentialsError> {
        Self::of_container(variables).unwrap_or(Ok(Self::Instance))
    }

    /// The server beside the container, if there is one.
    fn of_container(variables: &dyn Variables) -> Option<Result<Self, CredentialsError>> {
        let url = match some(variables, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            Some(path) if path.starts_with('/') => format!("{CONTAINER}{path}"),
            Some(path) => format!("{CONTAINER}/{path}"),
            None => some(variables, "AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
        };
        if !may_be_asked(&url) {
            return Some(Err(CredentialsError::Written(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https, or of this machine or AWS's own addresses"
                    .to_owned(),
            )));
        }
        let file = some(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = some(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let authorization = match (file, token) {
            (Some(file), _) => ContainerAuthorization::File(file.into()),
            (None, Some(token)) => ContainerAuthorization::Token(Secret::new(token)),
            (None, None) => ContainerAuthorization::None,
        };
        Some(Ok(Self::Container { url, authorization }))
    }
}

fn keys_of_environment(variables: &dyn Variables) -> Option<Keys> {
    let one_of = |names: [&str; 2]| names.into_iter().find_map(|name| some(variables, name));
    Some(Keys {
        access_key: one_of(["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"])?,
        secret_key: Secret::new(one_of(["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"])?),
        session_token: some(variables, "AWS_SESSION_TOKEN").map(Secret::new),
    })
}

/// The role of a profile.
fn role_of<'f>(arn: &str, value: &impl Fn(&str) -> Option<&'f str>) -> Role {
    let seconds = value("duration_seconds").and_then(|text| text.parse().ok());
    Role {
        arn: arn.to_owned(),
        external_id: value("external_id").unwrap_or_default().to_owned(),
        session_name: session_name(value("role_session_name")),
        duration: seconds.map_or(DEFAULT_DURATION, Duration::from_secs),
    }
}

/// What of a profile can't be followed.
fn unsupported<'f>(value: &impl Fn(&str) -> Option<&'f str>) -> Option<&'static str> {
    if value("mfa_serial").is_some() && value("role_arn").is_some() {
        return Some("mfa_serial");
    }
    let has_keys = value("aws_access_key_id").is_some() && value("aws_secret_access_key").is_some();
    let is_elsewhere = has_keys || value("source_profile").is_some() || value("credential_source").is_some();
    let names = ["sso_session", "sso_start_url", "credential_process"];
    names.into_iter().find(|name| !is_elsewhere && value(name).is_some())
}

fn session_name(name: Option<&str>) -> String {
    name.unwrap_or("headcount").to_owned()
}

/// Whether credentials may be asked for there: who answers is believed.
fn may_be_asked(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(_) => authority.split_inclusive(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = || {
        host.parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
    };
    match scheme {
        "https" => !host.is_empty() && !authority.contains('@'),
        "http" => !authority.contains('@') && (CONTAINER_HOSTS.contains(&host) || is_loopback()),
        _ => false,
    }
}
