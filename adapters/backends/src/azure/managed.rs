//! The identity that Azure gives to what runs there
//! (<https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).
//!
//! Who lends the token depends on where this runs, which the environment says. It is asked without any proxy, because it is
//! this machine's, and the token is in no cache of others.

use std::path::Path;

use headcount_discoverer::Env;
use headcount_discoverer::env::{HttpRequest, HttpResponse, Token};
use headcount_reader::Secret;

use super::cloud::Cloud;
use crate::bearer::{LoginError, ask_machine, form, granted};

/// Where Azure Arc leaves its secrets, and how long they are at most; nothing else is sent to it
/// (<https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>).
const ARC_FOLDER: &str = "/var/opt/azcmagent/tokens";
const ARC_LIMIT: u64 = 4096;

/// Who lends the identity of what runs there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A virtual machine.
    Machine { base: String },
    /// App Service, Functions, Container Apps.
    AppService { url: String, header: Secret },
    /// A machine elsewhere that is known to Azure Arc.
    Arc { url: String },
    /// Azure Machine Learning.
    MachineLearning { url: String, secret: Secret },
    /// Cloud Shell.
    CloudShell { url: String },
}

impl Place {
    /// Where this runs, by what the environment says.
    pub(super) fn of(env: &Env) -> Result<Self, LoginError> {
        let some = |name: &str| env.variables.get(name).filter(|value| !value.is_empty());
        if let Some(url) = some("IDENTITY_ENDPOINT") {
            if let Some(header) = some("IDENTITY_HEADER") {
                if some("IDENTITY_SERVER_THUMBPRINT").is_some() {
                    return Err(LoginError::new(
                        "the managed identity",
                        "identities of Service Fabric are not supported",
                    ));
                }
                let header = Secret::new(header);
                return Ok(Self::AppService { url, header });
            }
            if some("IMDS_ENDPOINT").is_some() {
                return Ok(Self::Arc { url });
            }
        }
        if let Some(url) = some("MSI_ENDPOINT") {
            return Ok(match some("MSI_SECRET") {
                Some(secret) => Self::MachineLearning {
                    url,
                    secret: Secret::new(secret),
                },
                None => Self::CloudShell { url },
            });
        }
        let base = some("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let base = base.unwrap_or_else(|| "http://169.254.169.254".to_owned());
        Ok(Self::Machine {
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

/// A token of the identity with this client's id, or of the only one.
pub(super) async fn token(env: &Env, place: &Place, client_id: &str, cloud: &Cloud) -> Result<Token, LoginError> {
    let resource = cloud.resource();
    let query = |version: &str, name: &str| {
        let mut fields = vec![("api-version", version), ("resource", resource.as_str())];
        fields.extend((!client_id.is_empty()).then_some((name, client_id)));
        form(&fields)
    };
    let own_only = |what: &str| match client_id {
        "" => Ok(()),
        _ => Err(LoginError::new(what, "it has one identity only; leave client_id out")),
    };
    let (url, request) = match place {
        Place::Machine { base } => {
            let url = format!(
                "{base}/metadata/identity/oauth2/token?{}",
                query("2018-02-01", "client_id")
            );
            let request = HttpRequest::get(&url).header("Metadata", "true");
            (url, request)
        }
        Place::AppService { url, header } => {
            let url = format!("{url}?{}", query("2019-08-01", "client_id"));
            let request = HttpRequest::get(&url).header("X-IDENTITY-HEADER", header.reveal());
            (url, request)
        }
        Place::MachineLearning { url, secret } => {
            let url = format!("{url}?{}", query("2017-09-01", "clientid"));
            let request = HttpRequest::get(&url).header("secret", secret.reveal());
            (url, request)
        }
        Place::CloudShell { url } => {
            own_only("Cloud Shell")?;
            let body = form(&[("resource", &resource)]);
            let request = HttpRequest::post(url, "application/x-www-form-urlencoded", body).header("Metadata", "true");
            (url.clone(), request)
        }
        Place::Arc { url } => {
            own_only("Azure Arc")?;
            let url = format!("{url}?{}", query("2020-06-01", "client_id"));
            let request = HttpRequest::get(&url).header("Metadata", "true");
            let challenge = ask_machine(env, &url, request.clone()).await?;
            let secret = arc_secret(env, &url, &challenge).await?;
            let request = request.header("Authorization", format!("Basic {}", secret.reveal()));
            (url, request)
        }
    };
    let answer = ask_machine(env, &url, request).await?;
    match answer.status {
        200 => granted(&url, &answer, env.clock.unix_time()),
        _ => Err(LoginError::refused(env, &url, &answer)),
    }
}

/// What Arc wrote into the file that it names, to be told by who may read that.
async fn arc_secret(env: &Env, url: &str, challenge: &HttpResponse) -> Result<Secret, LoginError> {
    let realm = challenge
        .header("www-authenticate")
        .and_then(|said| said.split_once("Basic realm="));
    let path = realm
        .map(|(_, path)| path.trim().trim_matches('"'))
        .filter(|_| challenge.status == 401);
    let path =
        path.ok_or_else(|| LoginError::new(url, format!("no challenge of Azure Arc (status {})", challenge.status)))?;
    let path = Path::new(path);
    let is_arcs = path.parent() == Some(Path::new(ARC_FOLDER)) && path.extension().is_some_and(|end| end == "key");
    if !is_arcs {
        return Err(LoginError::new(
            url,
            format!("its challenge names no file of {ARC_FOLDER}"),
        ));
    }
    let contents = env
        .files
        .read(path, ARC_LIMIT)
        .await
        .map_err(|error| LoginError::file(&error))?;
    Ok(Secret::new(String::from_utf8_lossy(&contents.bytes).trim()))
}
