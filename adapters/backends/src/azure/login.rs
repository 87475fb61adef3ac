//! Who asks, and how that becomes a token (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>).
//!
//! **What is configured first counts**, as in Azure's own libraries: of the method `SDK` that is the environment, a workload's
//! identity, the machine's, and last the one who is logged in at `az`, which an operator has to allow to be run. Only a machine
//! that has no identity is a reason to go on to the next.

use std::path::PathBuf;
use std::time::Duration;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpRequest, ProgramCall, Token};
use headcount_discoverer::rest::Ask;
use headcount_reader::Secret;
use serde::Deserialize;

use super::cloud::Cloud;
use super::managed::{self, Place};
use super::settings::{AzureSd, Method};
use crate::answers::{Scalar, Text};
use crate::bearer::{Login, LoginError, SMALL, form, granted};

/// Who asks one cloud. Equal ones share their token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) cloud: &'static Cloud,
    who: Who,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    /// An application with a secret.
    Application {
        tenant: String,
        client_id: String,
        secret: Secret,
    },
    /// An application with a token that somebody else has given it, and gives it anew.
    Workload {
        tenant: String,
        client_id: String,
        file: PathBuf,
    },
    /// The machine; empty for its own identity.
    Machine { client_id: String, place: Place },
    /// The machine, or else the person who is logged in.
    MachineOrPerson {
        client_id: String,
        place: Place,
        tenant: String,
    },
}

impl Account {
    /// Who asks for an entry now.
    pub(super) fn of(settings: &AzureSd, cloud: &'static Cloud, env: &Env) -> Result<Self, LoginError> {
        let variable = |name: &str| env.variables.get(name).unwrap_or_default();
        // What the environment says counts first, as in Prometheus, where nothing else does.
        let or = |written: &str, name: &str| match variable(name) {
            nothing if nothing.is_empty() => written.to_owned(),
            said => said,
        };
        let who = match settings.method {
            Method::OAuth => Who::Application {
                tenant: settings.tenant.clone(),
                client_id: settings.client_id.clone(),
                secret: settings.client_secret.clone(),
            },
            Method::ManagedIdentity => Who::Machine {
                client_id: settings.client_id.clone(),
                place: Place::of(env)?,
            },
            Method::WorkloadIdentity => {
                let some = |text: String, field: &str, name: &str| match text.as_str() {
                    "" => {
                        let wrong = format!("neither {field} nor the environment variable {name} is set");
                        Err(LoginError::new("the workload's identity", wrong))
                    }
                    _ => Ok(text),
                };
                let file = variable("AZURE_FEDERATED_TOKEN_FILE");
                if file.is_empty() {
                    let wrong = "the environment variable AZURE_FEDERATED_TOKEN_FILE is not set; is the pod labelled \
                                 azure.workload.identity/use?";
                    return Err(LoginError::new("the workload's identity", wrong));
                }
                Who::Workload {
                    tenant: some(or(&settings.tenant, "AZURE_TENANT_ID"), "tenant_id", "AZURE_TENANT_ID")?,
                    client_id: some(
                        or(&settings.client_id, "AZURE_CLIENT_ID"),
                        "client_id",
                        "AZURE_CLIENT_ID",
                    )?,
                    file: file.into(),
                }
            }
            Method::Sdk => of_surroundings(settings, env)?,
        };
        Ok(Self { cloud, who })
    }

    async fn token(&self, ask: &Ask<'_>) -> Result<Token, LoginError> {
        match &self.who {
            Who::Application {
                tenant,
                client_id,
                secret,
            } => {
                self.log_in(ask, tenant, client_id, &[("client_secret", secret.reveal())])
                    .await
            }
            Who::Workload {
                tenant,
                client_id,
                file,
            } => {
                let contents = ask.env().files.read(file, SMALL).await;
                let contents = contents.map_err(|error| LoginError::file(&error))?;
                let assertion = String::from_utf8_lossy(&contents.bytes).trim().to_owned();
                let proof = [
                    ("client_assertion", assertion.as_str()),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                ];
                self.log_in(ask, tenant, client_id, &proof).await
            }
            Who::Machine { client_id, place } => managed::token(ask.env(), place, client_id, self.cloud).await,
            Who::MachineOrPerson {
                client_id,
                place,
                tenant,
            } => {
                let none = match managed::token(ask.env(), place, client_id, self.cloud).await {
                    Ok(token) => return Ok(token),
                    Err(none) => none,
                };
                let person = of_person(ask.env(), tenant, self.cloud).await;
                person.map_err(|error| LoginError::new("there are no credentials", format!("{none}; {error}")))
            }
        }
    }

    async fn log_in(
        &self,
        ask: &Ask<'_>,
        tenant: &str,
        client_id: &str,
        proof: &[(&str, &str)],
    ) -> Result<Token, LoginError> {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.cloud.login);
        if tenant.contains(['/', '?', '#', '%']) {
            return Err(LoginError::new(&url, "this can't be a tenant's name"));
        }
        let scope = self.cloud.scope();
        let mut fields = vec![
            ("client_id", client_id),
            ("grant_type", "client_credentials"),
            ("scope", &scope),
        ];
        fields.extend(proof);
        let request = HttpRequest::post(&url, "application/x-www-form-urlencoded", form(&fields))
            .header("Accept", "application/json");
        let answer = ask
            .send(request)
            .await
            .map_err(|error| LoginError::unanswered(&url, error))?;
        match answer.status {
            200 => granted(&url, &answer, ask.env().clock.unix_time()),
            _ => Err(LoginError::refused(ask.env(), &url, &answer)),
        }
    }
}

impl Login for Account {
    async fn log_in(&self, ask: &Ask<'_>) -> Result<Token, LoginError> {
        self.token(ask).await
    }
}

/// The first of what is configured outside of the entry.
fn of_surroundings(settings: &AzureSd, env: &Env) -> Result<Who, LoginError> {
    let variable = |name: &str| env.variables.get(name).unwrap_or_default();
    let client_id = variable("AZURE_CLIENT_ID");
    let of_environment = variable("AZURE_TENANT_ID");
    let tenant = match settings.tenant.as_str() {
        "" => of_environment.clone(),
        tenant => tenant.to_owned(),
    };
    if !client_id.is_empty() && !of_environment.is_empty() {
        let secret = variable("AZURE_CLIENT_SECRET");
        if !secret.is_empty() {
            return Ok(Who::Application {
                tenant: of_environment,
                client_id,
                secret: Secret::new(secret),
            });
        }
        for name in ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME"] {
            if !variable(name).is_empty() {
                let wrong = format!("{name} is set, and logging in with it is not supported; set AZURE_CLIENT_SECRET");
                return Err(LoginError::new("the environment", wrong));
            }
        }
    }
    let file = variable("AZURE_FEDERATED_TOKEN_FILE");
    if !file.is_empty() && !client_id.is_empty() && !tenant.is_empty() {
        let file = file.into();
        return Ok(Who::Workload {
            tenant,
            client_id,
            file,
        });
    }
    Ok(Who::MachineOrPerson {
        client_id,
        place: Place::of(env)?,
        tenant: settings.tenant.clone(),
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Printed {
    #[serde(rename = "accessToken")]
    access_token: Text,
    /// Since 1970. `expiresOn` is the same in local time, which can't be understood everywhere.
    expires_on: Scalar,
}

/// How long a token of `az` is used that does not say when it ends. They last an hour at least.
const UNKNOWN_LIFETIME: Duration = Duration::from_secs(300);

/// The token of who is logged in at `az`.
async fn of_person(env: &Env, tenant: &str, cloud: &Cloud) -> Result<Token, LoginError> {
    let wrong = |said: &str| LoginError::new("az account get-access-token", said);
    let mut call = ProgramCall::new("az");
    let resource = cloud.resource();
    let arguments = [
        "account",
        "get-access-token",
        "--output",
        "json",
        "--resource",
        &resource,
    ];
    call.arguments = arguments.map(str::to_owned).to_vec();
    if !tenant.is_empty() {
        call.arguments.extend(["--tenant".to_owned(), tenant.to_owned()]);
    }
    let output = env.programs.run(call).await;
    let output = output.map_err(|error| LoginError::new("az", error.to_string()))?;
    if output.code != Some(0) {
        return Err(wrong("it ended with a failure; is somebody logged in? (`az login`)"));
    }
    let printed: Option<Printed> = serde_json::from_slice(&output.output).ok();
    let printed = printed.filter(|printed| !printed.access_token.as_str().is_empty());
    let printed = printed.ok_or_else(|| wrong("it printed no accessToken"))?;
    let end = printed.expires_on.as_str().parse().ok().map(Duration::from_secs);
    let lifetime = end.map(|end| end.saturating_sub(env.clock.unix_time()));
    Ok(Token::new(
        printed.access_token.0,
        Some(lifetime.unwrap_or(UNKNOWN_LIFETIME)),
    ))
}
