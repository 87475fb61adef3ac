//! How the API server is reached: from inside of the cluster, by a kubeconfig file, or by an address.
//!
//! The one rule: **what stands in files is read again each time that something is asked**, because tokens, certificates
//! and whole kubeconfig files are rotated. What they say ends as settings of the HTTP client, of which equal ones are one
//! client with its connections.

mod exec;
mod kubeconfig;

use std::path::PathBuf;
use std::sync::Arc;

use headcount_discoverer::Env;
use headcount_discoverer::address::host_port;
use headcount_discoverer::env::{HttpClient, HttpError, HttpLimits, HttpRequest, HttpStream};
use headcount_discoverer::refresh::RefreshError;
use headcount_reader::{Authorization, HttpClientSettings, Secret, SecretSource, TextSource, TlsSettings};

use super::metrics;
use exec::Exec;

/// Where a pod has what it needs to speak to the API server of its cluster.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The largest of the small files that are read.
const FILE_LIMIT: u64 = 4 << 20;

/// How the API server is reached. Whoever has an equal one reaches the same server as the same user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Access {
    /// By what the cluster gives each of its pods.
    InCluster,
    /// By what a file says.
    KubeConfig(PathBuf),
    /// By its address.
    Server {
        /// The address without credentials.
        shown: String,
        /// The address, without a slash at its end.
        base: Secret,
        client: Box<HttpClientSettings>,
    },
}

/// An API server that can be asked.
pub(super) struct Api {
    base: Secret,
    client: Arc<dyn HttpClient>,
    /// What is sent with each request.
    headers: Vec<(&'static str, Secret)>,
    exec: Option<Exec>,
}

impl Access {
    /// In a few words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::InCluster => "this cluster".to_owned(),
            Self::KubeConfig(path) => path.display().to_string(),
            Self::Server { shown, .. } => shown.clone(),
        }
    }

    /// Reads what there is to be read.
    pub(super) async fn connect(&self, env: &Env) -> Result<Api, RefreshError> {
        match self {
            Self::Server { base, client, .. } => Api::new(env, base.clone(), client, Vec::new(), None),
            Self::InCluster => {
                let (base, client) = in_cluster(env)?;
                Api::new(env, Secret::new(base), &client, Vec::new(), None)
            }
            Self::KubeConfig(path) => kubeconfig::connect(path, env).await,
        }
    }
}

impl Api {
    fn new(
        env: &Env,
        base: Secret,
        client: &HttpClientSettings,
        headers: Vec<(&'static str, Secret)>,
        exec: Option<Exec>,
    ) -> Result<Self, RefreshError> {
        let client = env.http.client(client).map_err(by_error)?;
        Ok(Self {
            base,
            client,
            headers,
            exec,
        })
    }

    /// Asks for a path with a query, and gives the answer once its head is there.
    pub(super) async fn ask(
        &self,
        env: &Env,
        path: &str,
        query: &str,
        limits: HttpLimits,
    ) -> Result<HttpStream, RefreshError> {
        let request = HttpRequest::get(format!("{}{path}{query}", self.base.reveal())).limits(limits);
        let request = request.header("Accept", "application/json");
        let add = |request: HttpRequest, (name, value): &(&'static str, Secret)| request.header(name, value.reveal());
        let request = self.headers.iter().fold(request, add);
        let started = env.clock.now();
        let answer = self.client.open(request).await;
        let now = env.clock.now();
        let status = answer.as_ref().ok().map(|answer| answer.status);
        metrics::asked(&env.metrics, path, status, now, now.saturating_duration_since(started));
        if let (Some(401), Some(exec)) = (status, &self.exec) {
            exec.was_refused();
        }
        answer.map_err(by_error)
    }
}

/// What it means that there was no answer.
pub(super) fn by_error(error: HttpError) -> RefreshError {
    match error.may_pass() {
        true => RefreshError::soon(error.to_string()),
        false => RefreshError::at_interval(error.to_string()),
    }
}

/// The namespace that this pod is in.
pub(super) async fn own_namespace(env: &Env) -> Result<String, RefreshError> {
    let path = format!("{SERVICE_ACCOUNT}/namespace");
    let doing = |error: String| RefreshError::soon(format!("finding out the own namespace: {error}"));
    let file = env.files.read(path.as_ref(), FILE_LIMIT).await;
    let file = file.map_err(|error| doing(error.to_string()))?;
    match String::from_utf8_lossy(&file.bytes).trim() {
        "" => Err(doing(format!("{path} is empty"))),
        name => Ok(name.to_owned()),
    }
}

fn in_cluster(env: &Env) -> Result<(String, HttpClientSettings), RefreshError> {
    let variable = |name: &str| env.variables.get(name).filter(|value| !value.is_empty());
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"));
    let (Some(host), Some(port)) = (host, port) else {
        return Err(RefreshError::at_interval(
            "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; \
             set api_server or kubeconfig_file",
        ));
    };
    let file = |name: &str| PathBuf::from(format!("{SERVICE_ACCOUNT}/{name}"));
    let client = HttpClientSettings {
        authorization: Some(Authorization {
            scheme: "Bearer".to_owned(),
            credentials: Some(SecretSource::File(file("token"))),
        }),
        tls: TlsSettings {
            ca: Some(TextSource::File(file("ca.crt"))),
            ..TlsSettings::default()
        },
        ..HttpClientSettings::default()
    };
    Ok((format!("https://{}", host_port(&host, port)), client))
}
