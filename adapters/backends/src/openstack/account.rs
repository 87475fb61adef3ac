//! As whom the cloud is asked, and how that is said to the identity service.
//!
//! What makes no sense is said at the first refresh, not when the settings are read: with some of it only the identity
//! service knows (its version 2 asks for less), and Prometheus takes the settings.

use std::fmt;

use headcount_discoverer::Env;
use headcount_reader::{Secret, without_credentials};
use serde_json::{Value, json};

use super::login::LoginError;

/// A user, or an application's credential. What is not known is empty.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Account {
    /// Where the identity service is.
    pub(super) endpoint: String,
    pub(super) username: String,
    pub(super) user_id: String,
    pub(super) password: Secret,
    pub(super) project_name: String,
    pub(super) project_id: String,
    pub(super) domain_name: String,
    pub(super) domain_id: String,
    pub(super) credential_name: String,
    pub(super) credential_id: String,
    pub(super) credential_secret: Secret,
    /// Whether the token is to be good for the cloud as a whole, and not for a project or domain.
    pub(super) is_of_system: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("endpoint", &without_credentials(&self.endpoint))
            .field("username", &self.username)
            .field("user_id", &self.user_id)
            .field("project_name", &self.project_name)
            .field("project_id", &self.project_id)
            .field("domain_name", &self.domain_name)
            .field("domain_id", &self.domain_id)
            .field("credential_name", &self.credential_name)
            .field("credential_id", &self.credential_id)
            .field("is_of_system", &self.is_of_system)
            .finish_non_exhaustive()
    }
}

/// What is wrong with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccountError {
    #[error("identity_endpoint is not set, and neither is the environment variable {0}")]
    NoVariable(&'static str),
    #[error(
        "there is neither a password nor an application credential; set password, or application_credential_id and \
         application_credential_secret"
    )]
    NoPassword,
    #[error("the application credential has no secret; set application_credential_secret")]
    NoSecret,
    #[error("nobody is named; set username or userid")]
    NoUser,
    #[error("both a username and a userid are set; keep one of them")]
    TwoUsers,
    #[error("a username needs exactly one of domain_id and domain_name")]
    NoDomain,
    #[error("a project_name needs one of domain_id and domain_name; or name the project by its project_id")]
    ProjectWithoutDomain,
}

/// The account that the environment variables of OpenStack's own tools name.
pub(super) fn of_environment(env: &Env) -> Result<Account, LoginError> {
    let variable = |name: &str| env.variables.get(name).unwrap_or_default();
    let either = |name: &str, old: &str| match variable(name) {
        value if value.is_empty() => variable(old),
        value => value,
    };
    let account = Account {
        endpoint: variable("OS_AUTH_URL"),
        username: variable("OS_USERNAME"),
        user_id: variable("OS_USERID"),
        password: Secret::new(variable("OS_PASSWORD")),
        project_name: either("OS_PROJECT_NAME", "OS_TENANT_NAME"),
        project_id: either("OS_PROJECT_ID", "OS_TENANT_ID"),
        domain_name: variable("OS_DOMAIN_NAME"),
        domain_id: variable("OS_DOMAIN_ID"),
        credential_name: variable("OS_APPLICATION_CREDENTIAL_NAME"),
        credential_id: variable("OS_APPLICATION_CREDENTIAL_ID"),
        credential_secret: Secret::new(variable("OS_APPLICATION_CREDENTIAL_SECRET")),
        is_of_system: variable("OS_SYSTEM_SCOPE") == "all",
    };
    if account.endpoint.is_empty() {
        return Err(LoginError::account(
            "openstack",
            AccountError::NoVariable("OS_AUTH_URL"),
        ));
    }
    Ok(account)
}

impl Account {
    /// What version 3 of the identity service is sent.
    pub(super) fn request(&self) -> Result<Value, AccountError> {
        let identity = self.identity()?;
        let mut auth = json!({ "identity": identity });
        if let (Some(scope), Some(auth)) = (self.scope()?, auth.as_object_mut()) {
            auth.insert("scope".to_owned(), scope);
        }
        Ok(json!({ "auth": auth }))
    }

    /// What version 2 is sent.
    pub(super) fn old_request(&self) -> Result<Value, AccountError> {
        if self.username.is_empty() {
            return Err(AccountError::NoUser);
        }
        if self.password.reveal().is_empty() {
            return Err(AccountError::NoPassword);
        }
        let password = json!({ "username": self.username, "password": self.password.reveal() });
        let mut auth = serde_json::Map::new();
        auth.insert("passwordCredentials".to_owned(), password);
        for (name, value) in [("tenantId", &self.project_id), ("tenantName", &self.project_name)] {
            if !value.is_empty() {
                auth.insert(name.to_owned(), json!(value));
            }
        }
        Ok(json!({ "auth": auth }))
    }

    fn has_credential(&self) -> bool {
        !self.credential_id.is_empty() || !self.credential_name.is_empty()
    }

    fn identity(&self) -> Result<Value, AccountError> {
        if !self.password.reveal().is_empty() {
            let mut user = self.user()?;
            user.insert("password".to_owned(), json!(self.password.reveal()));
            return Ok(json!({ "methods": ["password"], "password": { "user": user } }));
        }
        if !self.has_credential() {
            return Err(AccountError::NoPassword);
        }
        if self.credential_secret.reveal().is_empty() {
            return Err(AccountError::NoSecret);
        }
        let secret = self.credential_secret.reveal();
        let credential = if self.credential_id.is_empty() {
            json!({ "name": self.credential_name, "secret": secret, "user": self.user_of_credential()? })
        } else {
            json!({ "id": self.credential_id, "secret": secret })
        };
        Ok(json!({ "methods": ["application_credential"], "application_credential": credential }))
    }

    /// A user by name and domain, or by id.
    fn user(&self) -> Result<serde_json::Map<String, Value>, AccountError> {
        let mut user = serde_json::Map::new();
        match (self.username.is_empty(), self.user_id.is_empty()) {
            (true, true) => return Err(AccountError::NoUser),
            (false, false) => return Err(AccountError::TwoUsers),
            // It needs no domain: one that is set is the project's.
            (true, false) => drop(user.insert("id".to_owned(), json!(self.user_id))),
            (false, true) => {
                if !self.domain_id.is_empty() && !self.domain_name.is_empty() {
                    return Err(AccountError::NoDomain);
                }
                user.insert("name".to_owned(), json!(self.username));
                user.insert("domain".to_owned(), self.domain().ok_or(AccountError::NoDomain)?);
            }
        }
        Ok(user)
    }

    /// The user whose credential is named; an id needs no domain, and none is minded.
    fn user_of_credential(&self) -> Result<serde_json::Map<String, Value>, AccountError> {
        if !self.user_id.is_empty() {
            return Ok(serde_json::Map::from_iter([("id".to_owned(), json!(self.user_id))]));
        }
        if self.username.is_empty() {
            return Err(AccountError::NoUser);
        }
        let domain = self.domain().ok_or(AccountError::NoDomain)?;
        Ok(serde_json::Map::from_iter([
            ("name".to_owned(), json!(self.username)),
            ("domain".to_owned(), domain),
        ]))
    }

    fn domain(&self) -> Option<Value> {
        match (self.domain_id.as_str(), self.domain_name.as_str()) {
            ("", "") => None,
            ("", name) => Some(json!({ "name": name })),
            (id, _) => Some(json!({ "id": id })),
        }
    }

    /// What the token is to be good for; a credential has that in itself.
    fn scope(&self) -> Result<Option<Value>, AccountError> {
        if self.has_credential() {
            return Ok(None);
        }
        if self.is_of_system {
            return Ok(Some(json!({ "system": { "all": true } })));
        }
        if !self.project_id.is_empty() {
            return Ok(Some(json!({ "project": { "id": self.project_id } })));
        }
        if !self.project_name.is_empty() {
            let domain = self.domain().ok_or(AccountError::ProjectWithoutDomain)?;
            return Ok(Some(
                json!({ "project": { "name": self.project_name, "domain": domain } }),
            ));
        }
        Ok(None)
    }
}
