//! Kubeconfig files: the current context, its cluster and its user.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount_discoverer::Env;
use headcount_discoverer::refresh::RefreshError;
use headcount_reader::{
    Authorization, BasicAuth, HttpClientSettings, Proxy, ProxySettings, Secret, SecretSource, TextSource, TlsSettings,
    Url, join,
};
use serde::Deserialize;

use super::exec::{Exec, ExecConfig};
use super::{Api, FILE_LIMIT};

#[derive(Deserialize)]
struct KubeConfig {
    #[serde(default, rename = "current-context")]
    current_context: Option<String>,
    #[serde(default)]
    contexts: Option<Vec<Named>>,
    #[serde(default)]
    clusters: Option<Vec<NamedCluster>>,
    #[serde(default)]
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    context: Context,
}

#[derive(Deserialize, Default)]
struct Context {
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    #[serde(default)]
    cluster: Cluster,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: Option<String>,
    tls_server_name: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "as")]
    act_as: Option<String>,
    as_uid: Option<String>,
    as_groups: Option<Vec<String>>,
    exec: Option<ExecConfig>,
    auth_provider: Option<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    name: String,
}

/// Reads the file and makes a client of what its current context says.
pub(super) async fn connect(path: &Path, env: &Env) -> Result<Api, RefreshError> {
    let read = env.files.read(path, FILE_LIMIT).await;
    let file = read.map_err(|error| RefreshError::soon(format!("reading the kubeconfig: {error}")))?;
    let wrong = |what: String| RefreshError::at_interval(format!("{}: {what}", path.display()));
    let text = std::str::from_utf8(&file.bytes).map_err(|_| wrong("it is not text in UTF-8".to_owned()))?;
    // The parser's message may repeat what is written there, which can be a secret.
    let config: KubeConfig = serde_yaml::from_str(text).map_err(|_| wrong("it is no kubeconfig".to_owned()))?;
    let (cluster, user) = chosen(config).map_err(wrong)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let (base, mut client) = read_cluster(&cluster, folder).map_err(wrong)?;
    let headers = act_as(&user);
    let exec = user.exec.clone();
    read_user(user, folder, &mut client).map_err(wrong)?;
    let exec = match exec {
        Some(config) if client.authorization.is_none() && client.basic_auth.is_none() => {
            let mut exec = Exec::new(config, folder, env);
            exec.authenticate(&mut client, env)
                .await
                .map_err(|error| wrong(error.to_string()))?;
            Some(exec)
        }
        _ => None,
    };
    Api::new(env, Secret::new(base), &client, headers, exec)
}

/// The cluster and the user of the current context.
fn chosen(config: KubeConfig) -> Result<(Cluster, User), String> {
    let current = config.current_context.filter(|name| !name.is_empty());
    let current = current.ok_or("it has no current-context")?;
    let mut contexts = config.contexts.unwrap_or_default().into_iter();
    let context = contexts.find(|named| named.name == current);
    let context = context.ok_or_else(|| format!("it has no context {current:?}"))?.context;
    let name = context.cluster.unwrap_or_default();
    let mut clusters = config.clusters.unwrap_or_default().into_iter();
    let cluster = clusters.find(|named| named.name == name);
    let cluster = cluster.ok_or_else(|| format!("it has no cluster {name:?}"))?.cluster;
    let user = match context.user.filter(|name| !name.is_empty()) {
        // Somebody whom nobody knows.
        None => User::default(),
        Some(name) => {
            let mut users = config.users.unwrap_or_default().into_iter();
            let user = users.find(|named| named.name == name);
            user.ok_or_else(|| format!("it has no user {name:?}"))?.user
        }
    };
    Ok((cluster, user))
}

fn read_cluster(cluster: &Cluster, folder: &Path) -> Result<(String, HttpClientSettings), String> {
    let server = cluster.server.clone().unwrap_or_default();
    let has_tls = cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    let server = match (server.as_str(), has_tls) {
        ("", _) => return Err("its cluster has no server".to_owned()),
        (server, _) if server.contains("://") => server.to_owned(),
        (server, true) => format!("https://{server}"),
        (server, false) => format!("http://{server}"),
    };
    let server = server.trim_end_matches('/').to_owned();
    Url::parse(&server)
        .and_then(|url| url.for_http())
        .map_err(|error| format!("its cluster's server: {error}"))?;
    let ca = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) if !data.is_empty() => Some(TextSource::Inline(decoded(data, "certificate-authority-data")?)),
        (_, Some(path)) if !path.is_empty() => Some(TextSource::File(join(folder, path))),
        _ => None,
    };
    let proxy = match cluster.proxy_url.as_deref() {
        None | Some("") => Proxy::Environment,
        Some(url) => Proxy::Url {
            url: Secret::new(url),
            no_proxy: String::new(),
        },
    };
    let client = HttpClientSettings {
        tls: TlsSettings {
            ca,
            server_name: cluster.tls_server_name.clone().filter(|name| !name.is_empty()),
            insecure_skip_verify: cluster.insecure_skip_tls_verify.unwrap_or_default(),
            ..TlsSettings::default()
        },
        proxy: ProxySettings {
            proxy,
            ..ProxySettings::default()
        },
        ..HttpClientSettings::default()
    };
    Ok((server, client))
}

fn read_user(user: User, folder: &Path, client: &mut HttpClientSettings) -> Result<(), String> {
    if let Some(provider) = user.auth_provider {
        return Err(format!(
            "its user has the auth-provider {:?}, which Kubernetes has removed; use exec",
            provider.name
        ));
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let path = |path: String| -> PathBuf { join(folder, &path) };
    let certificate = match given(user.client_certificate_data) {
        Some(data) => Some(TextSource::Inline(decoded(&data, "client-certificate-data")?)),
        None => given(user.client_certificate).map(|file| TextSource::File(path(file))),
    };
    let key = match given(user.client_key_data) {
        Some(data) => Some(SecretSource::Inline(Secret::new(decoded(&data, "client-key-data")?))),
        None => given(user.client_key).map(|file| SecretSource::File(path(file))),
    };
    if certificate.is_some() != key.is_some() {
        return Err("its user has only one of a client's certificate and its key".to_owned());
    }
    (client.tls.cert, client.tls.key) = (certificate, key);
    // A file is read again and again; what is written counts where there is none.
    let credentials = match (given(user.token_file), given(user.token)) {
        (Some(file), _) => Some(SecretSource::File(path(file))),
        (None, Some(token)) => Some(SecretSource::Inline(Secret::new(token))),
        (None, None) => None,
    };
    if credentials.is_some() {
        client.authorization = Some(Authorization {
            scheme: "Bearer".to_owned(),
            credentials,
        });
    } else if let Some(username) = given(user.username) {
        client.basic_auth = Some(BasicAuth {
            username: TextSource::Inline(username),
            password: user
                .password
                .map(|password| SecretSource::Inline(Secret::new(password))),
        });
    }
    Ok(())
}

/// As whom we act, if as somebody else.
fn act_as(user: &User) -> Vec<(&'static str, Secret)> {
    let groups = user
        .as_groups
        .iter()
        .flatten()
        .map(|group| ("Impersonate-Group", group));
    let uid = user.as_uid.iter().map(|uid| ("Impersonate-Uid", uid));
    let name = user.act_as.iter().map(|name| ("Impersonate-User", name));
    let all = name.chain(uid).chain(groups).filter(|(_, value)| !value.is_empty());
    all.map(|(name, value)| (name, Secret::new(value.as_str()))).collect()
}

fn decoded(data: &str, field: &str) -> Result<String, String> {
    let packed: String = data.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(packed);
    let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| format!("its {field} is not PEM in base64"))
}
